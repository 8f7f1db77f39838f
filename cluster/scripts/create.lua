#!lua
-- Opens a job. Repeating it changes nothing.
--
-- | key       | does                                  |
-- |-----------|---------------------------------------|
-- | JOB       | HSET state open, metadata, owner, created_ms |
-- | TOMBSTONE | SET expired and the owner             |
-- | JOBS      | ZADD                                  |
-- | UNFINISHED | ZADD                                 |
-- | EVENTS    | XADD job                              |
--
-- Arguments: job_id, metadata (JSON), owner (empty: nobody's). Reply: {}
if redis.call('EXISTS', JOB) == 0 then
  redis.call('HSET', JOB, 'state', 'open', 'metadata', A.metadata, 'owner', A.owner, 'created_ms', whole(NOW))
  redis.call('SET', TOMBSTONE, 'expired ' .. A.owner)
  redis.call('ZADD', JOBS, whole(NOW_US), A.job_id)
  redis.call('ZADD', UNFINISHED, 0, owned())
  emit('job', {state = 'open'})
  keep(tonumber(A.open_ms))
end
return reply({ok = true})
