-- The SELECTs of the query service, whose clients may only read, since the log was emptied.
SELECT count(), sum(read_rows), max(memory_usage)
FROM system.query_log
WHERE type = 'QueryFinish' AND query_kind = 'Select' AND is_initial_query AND Settings['readonly'] = '2'
