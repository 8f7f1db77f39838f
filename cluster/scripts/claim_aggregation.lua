#!lua flags=allow-oom
-- Gives one aggregator the right to complete a job, for one lease; after too many of them the job ends by itself.
-- Idempotent by nonce: a repetition whose first reply was lost gets the same attempt again.
--
-- | key         | does                                               |
-- |-------------|----------------------------------------------------|
-- | JOB         | HINCRBY aggregation_attempt; HSET aggregation_nonce |
-- | STATES      | ZCOUNT                                             |
-- | EVENTS      | XADD job when it ends                              |
-- | AGGREGATION | ZSCORE, ZADD the end of the lease, ZREM            |
-- | TOTALS      | HINCRBY jobs_…                                     |
--
-- Arguments: job_id, lease_ms, max_attempts, nonce. Reply: attempt (absent when there is nothing to take)
local due = redis.call('ZSCORE', AGGREGATION, A.job_id)
local repeated = job('aggregation_nonce') == A.nonce
if not due or (tonumber(due) > NOW and not repeated) then return reply({ok = false}) end
if redis.call('EXISTS', JOB) == 0 then
  redis.call('ZREM', AGGREGATION, A.job_id)
  return reply({ok = false})
end
local attempt = redis.call('HINCRBY', JOB, 'aggregation_attempt', repeated and 0 or 1)
redis.call('HSET', JOB, 'aggregation_nonce', A.nonce)
if attempt > tonumber(A.max_attempts) then
  count('aggregations_exhausted')
  complete_job(state_by_documents())
  return reply({ok = false})
end
redis.call('ZADD', AGGREGATION, whole(NOW + tonumber(A.lease_ms)), A.job_id)
keep_alive()
return reply({attempt = attempt})
