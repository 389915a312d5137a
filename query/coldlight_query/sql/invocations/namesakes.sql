-- The functions of one name that ran in a stretch of time, as far as it was told whose they are.
SELECT DISTINCT
    FunctionName AS function,
    Account AS account,
    Region AS region
FROM invocations
WHERE ${invocations/rows_of_stretch}
    AND FunctionName != '' AND Account != '' AND Region != ''
ORDER BY account, region
