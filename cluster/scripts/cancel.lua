#!lua flags=allow-oom
-- Cancels a job: what waits ends at once, what runs is told at its next renewal or step. Repeating it is harmless.
--
-- | key       | does                                                          |
-- |-----------|---------------------------------------------------------------|
-- | JOB       | HSET cancel; state cancelled once no document runs            |
-- | DOCUMENTS | HGET entry, lease_ms; HSET finished_ms                        |
-- | STATES    | ZRANGE, ZADD cancelled                                        |
-- | EVENTS    | XADD document, job                                            |
-- | QUEUE     | XACK + XDEL                                                   |
-- | WAITING   | ZREM                                                          |
-- | DELAYED   | ZREM                                                          |
-- | AGGREGATION | ZREM                                                        |
-- | TOTALS    | HINCRBY documents_cancelled, jobs_cancelled                   |
--
-- Arguments: job_id. Reply: state (absent when there is no such job)
local state = job('state')
if not state or FINAL_JOB[state] then return reply({state = state or nil}) end
redis.call('HSET', JOB, 'cancel', 1)
if state == 'open' then
  -- Never accepted, so never counted as submitted: only its documents' own states say cancelled.
  for _, document in ipairs(redis.call('ZRANGE', STATES, 0, -1)) do set_state(document, 'cancelled') end
  complete_job('cancelled')
  return reply({state = 'cancelled'})
end
for _, document in ipairs(redis.call('ZRANGEBYSCORE', STATES, '-inf', LAST_UNFINISHED)) do
  local leased = tonumber(field(document, 'lease_ms') or '0') > NOW
  if not (leased and state_of(document) == 'running') then end_document(document, 'cancelled', {}) end
end
emit('job', {state = job('state'), cancel_requested = true})
redis.call('ZREM', AGGREGATION, A.job_id)
settle_job()
return reply({state = job('state')})
