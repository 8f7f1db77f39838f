#!lua flags=allow-oom
-- Gives one sender the right to make the next attempt at the callback of a job, for one lease.
-- Idempotent by nonce: a repetition whose first reply was lost gets the same attempt again.
--
-- | key       | does                                             |
-- |-----------|--------------------------------------------------|
-- | JOB       | HINCRBY callback_attempt; HSET callback_nonce    |
-- | CALLBACKS | ZSCORE, ZADD the end of the lease, ZREM          |
--
-- Arguments: job_id, lease_ms, nonce. Reply: attempt (absent when there is nothing to take)
local due = redis.call('ZSCORE', CALLBACKS, A.job_id)
local repeated = job('callback_nonce') == A.nonce
if not due or (tonumber(due) > NOW and not repeated) then return reply({ok = false}) end
if job('callback_state') ~= 'pending' then
  redis.call('ZREM', CALLBACKS, A.job_id)
  return reply({ok = false})
end
redis.call('ZADD', CALLBACKS, whole(NOW + tonumber(A.lease_ms)), A.job_id)
redis.call('HSET', JOB, 'callback_nonce', A.nonce)
return reply({attempt = redis.call('HINCRBY', JOB, 'callback_attempt', repeated and 0 or 1)})
