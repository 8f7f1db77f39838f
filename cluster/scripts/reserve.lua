#!lua
-- Remembers what an idempotency key was first used for. Stands alone: KEYS[1] is the only key it touches.
--
-- | key         | does                               |
-- |-------------|------------------------------------|
-- | idempotency | KEYS[1]: HSETNX fingerprint, PEXPIRE |
--
-- Arguments: fingerprint, idempotency_ms. Reply: conflict (boolean), job_id (absent until submitted)
if redis.call('HSETNX', KEYS[1], 'fingerprint', A.fingerprint) == 1 then
  redis.call('PEXPIRE', KEYS[1], A.idempotency_ms, 'NX')
end
local first = redis.call('HGET', KEYS[1], 'fingerprint')
return reply({conflict = first ~= A.fingerprint, job_id = redis.call('HGET', KEYS[1], 'job_id') or nil})
