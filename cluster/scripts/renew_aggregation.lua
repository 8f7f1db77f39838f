#!lua flags=allow-oom
-- Extends the lease of an aggregator.
--
-- | key         | does                        |
-- |-------------|-----------------------------|
-- | JOB         | HGET aggregation_attempt    |
-- | AGGREGATION | ZADD XX the end of the lease |
--
-- Arguments: job_id, attempt, lease_ms. Reply: renewed
if job('aggregation_attempt') ~= A.attempt or not redis.call('ZSCORE', AGGREGATION, A.job_id) then
  return reply({renewed = false})
end
redis.call('ZADD', AGGREGATION, 'XX', whole(NOW + tonumber(A.lease_ms)), A.job_id)
return reply({renewed = true})
