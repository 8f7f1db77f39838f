#!lua flags=allow-oom
-- Gives one sender the right to make the next attempt at the callback of a job, for one lease.
--
-- | key       | does                                             |
-- |-----------|--------------------------------------------------|
-- | JOB       | HINCRBY callback_attempt                         |
-- | CALLBACKS | ZSCORE, ZADD the end of the lease, ZREM          |
--
-- Arguments: job_id, lease_ms. Reply: attempt (absent when there is nothing to take)
local due = redis.call('ZSCORE', CALLBACKS, A.job_id)
if not due or tonumber(due) > NOW then return reply({ok = false}) end
if job('callback_state') ~= 'pending' then
  redis.call('ZREM', CALLBACKS, A.job_id)
  return reply({ok = false})
end
redis.call('ZADD', CALLBACKS, whole(NOW + tonumber(A.lease_ms)), A.job_id)
return reply({attempt = redis.call('HINCRBY', JOB, 'callback_attempt', 1)})
