#!lua flags=allow-oom
-- Gives one aggregator the right to complete a job, for one lease; after too many of them the job ends by itself.
--
-- | key         | does                                               |
-- |-------------|----------------------------------------------------|
-- | JOB         | HINCRBY aggregation_attempt; HSET when it ends     |
-- | STATES      | ZCOUNT                                             |
-- | EVENTS      | XADD job when it ends                              |
-- | AGGREGATION | ZSCORE, ZADD the end of the lease, ZREM            |
-- | TOTALS      | HINCRBY jobs_…                                     |
--
-- Arguments: job_id, lease_ms, max_attempts. Reply: attempt (absent when there is nothing to take)
local due = redis.call('ZSCORE', AGGREGATION, A.job_id)
if not due or tonumber(due) > NOW then return reply({ok = false}) end
if redis.call('EXISTS', JOB) == 0 then
  redis.call('ZREM', AGGREGATION, A.job_id)
  return reply({ok = false})
end
local attempt = redis.call('HINCRBY', JOB, 'aggregation_attempt', 1)
if attempt > tonumber(A.max_attempts) then
  count('aggregations_exhausted')
  complete_job(state_by_documents())
  return reply({ok = false})
end
redis.call('ZADD', AGGREGATION, whole(NOW + tonumber(A.lease_ms)), A.job_id)
keep_alive()
return reply({attempt = attempt})
