#!lua flags=allow-oom
-- Ends a running attempt without result: as cancelled when the job was cancelled, else the document goes back
-- to the queue at once and the attempt is not counted (an evaluator that is told to leave is no failure).
--
-- | key         | does                                                     |
-- |-------------|----------------------------------------------------------|
-- | JOB         | HGET cancel; HSET when a cancelled job becomes final     |
-- | DOCUMENTS   | HGET attempt, entry; HSET returned; HDEL lease_ms        |
-- | STATES      | ZADD cancelled or queued                                 |
-- | EVENTS      | XADD document                                            |
-- | QUEUE       | XACK + XDEL, or XCLAIM with an idle time past the lease  |
-- | WAITING     | ZADD when it goes back                                   |
-- | TOTALS      | HINCRBY documents_cancelled                              |
--
-- Arguments: job_id, document_id, attempt, idle_ms. Reply: applied, last, reason, will_retry
local document = A.document_id
local refusal = fence(document)
if refusal then return reply({applied = false, reason = refusal}) end
if job('cancel') then
  end_document(document, 'cancelled', {})
  return reply({applied = true, last = settle_job(), reason = 'cancelled'})
end
redis.call('HINCRBY', DOCUMENTS, document .. '.returned', 1)
redis.call('HDEL', DOCUMENTS, document .. '.lease_ms')
set_state(document, 'queued')
redis.call('ZADD', WAITING, whole(NOW_US), member(document))
redis.pcall('XCLAIM', QUEUE, A.group, 'evaluators', 0, field(document, 'entry'), 'IDLE', A.idle_ms, 'JUSTID')
document_event(document, 'queued')
keep_alive()
return reply({applied = true, will_retry = true})
