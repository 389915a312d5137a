-- The sandboxes that started before anybody waited for them.
SELECT Instance
FROM invocations
WHERE StartBucket = toDateTime(0) AND RequestId = '' AND InitType IN ('provisioned-concurrency', 'lambda-managed-instances')
