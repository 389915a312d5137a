-- Calls of AWS APIs that begin in [start, end], counted by function and by all that their price depends on.
SELECT
    function,
    function_region,
    toDate(Timestamp, 'UTC') AS day,
    account,
${cost/call_price},
    count() AS calls
FROM (${cost/aws_calls})
GROUP BY ALL
