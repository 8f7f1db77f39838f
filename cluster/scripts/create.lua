#!lua
-- Opens a job. Repeating it changes nothing.
--
-- | key       | does                                  |
-- |-----------|---------------------------------------|
-- | JOB       | HSET state open, metadata, created_ms |
-- | TOMBSTONE | SET expired                           |
-- | JOBS      | ZADD                                  |
-- | EVENTS    | XADD job                              |
--
-- Arguments: job_id, metadata (JSON). Reply: {}
if redis.call('EXISTS', JOB) == 0 then
  redis.call('HSET', JOB, 'state', 'open', 'metadata', A.metadata, 'created_ms', whole(NOW))
  redis.call('SET', TOMBSTONE, 'expired')
  redis.call('ZADD', JOBS, whole(NOW_US), A.job_id)
  emit('job', {state = 'open'})
  keep(tonumber(A.open_ms))
end
return reply({ok = true})
