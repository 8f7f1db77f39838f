#!lua
-- Keeps what a cached result is, unless the job it comes from is gone: whoever deletes a job deletes its results.
--
-- | key    | does                                          |
-- |--------|-----------------------------------------------|
-- | JOB    | EXISTS                                        |
-- | result | KEYS[15]: SET with the time results live      |
--
-- Arguments: job_id, value. Reply: ok
if redis.call('EXISTS', JOB) == 0 then return reply({ok = false}) end
redis.call('SET', KEYS[15], A.value, 'PX', A.ttl_ms)
return reply({ok = true})
