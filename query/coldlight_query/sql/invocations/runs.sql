-- Runs. Nearly every request has one; the rows of the others are told apart.
SELECT
$facts
FROM
(
    SELECT * FROM invocations WHERE $rows
) AS rows
LEFT JOIN
(
${invocations/told_apart}
) AS apart USING (RequestHash, Instance, StartBucket, FunctionName)
GROUP BY RequestHash, sandbox, run
