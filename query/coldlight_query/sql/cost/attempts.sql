-- The same, with the number of each run among those of its request.
SELECT
    * EXCEPT attempt,
    row_number() OVER (PARTITION BY request_id ORDER BY start, instance) AS attempt
FROM (${cost/known_runs})
