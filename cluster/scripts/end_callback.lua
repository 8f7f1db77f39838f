#!lua flags=allow-oom
-- Notes how an attempt at a callback ended. Only the latest attempt may; repeating it changes nothing.
--
-- | key       | does                                                                       |
-- |-----------|----------------------------------------------------------------------------|
-- | JOB       | HSET callback_error, callback_retry_ms; callback_state, callback_ms at the end |
-- | CALLBACKS | ZADD the next attempt, or ZREM                                             |
-- | TOTALS    | HINCRBY callbacks_delivered or callbacks_failed                            |
--
-- Arguments: job_id, attempt, outcome (delivered, failed or retry), error, delay_ms. Reply: ok
if job('callback_state') ~= 'pending' or job('callback_attempt') ~= A.attempt then return reply({ok = false}) end
redis.call('HSET', JOB, 'callback_error', A.error)
if A.outcome == 'retry' then
  local due = whole(NOW + tonumber(A.delay_ms))
  redis.call('HSET', JOB, 'callback_retry_ms', due)
  redis.call('ZADD', CALLBACKS, due, A.job_id)
  return reply({ok = true})
end
redis.call('HSET', JOB, 'callback_state', A.outcome, 'callback_ms', whole(NOW))
redis.call('HDEL', JOB, 'callback_retry_ms')
redis.call('ZREM', CALLBACKS, A.job_id)
count('callbacks_' .. A.outcome)
return reply({ok = true})
