-- Calls of AWS APIs, counted by who made them, what they speak of, and all that their price depends on.
SELECT
    own AS source,
    ${service_map/beyond} AS target,
    toDate(Timestamp, 'UTC') AS day,
${cost/call_price},
    count() AS calls
FROM (${cost/aws_calls})
GROUP BY ALL
HAVING target.2 != ''
