#!lua flags=allow-oom
-- Puts a document whose delay is over back into the queue. Repeating it changes nothing.
--
-- | key       | does                                  |
-- |-----------|---------------------------------------|
-- | DELAYED   | ZSCORE, ZREM                          |
-- | DOCUMENTS | HSET entry, queued_ms; HDEL retry_ms  |
-- | STATES    | ZSCORE                                |
-- | QUEUE     | XADD                                  |
-- | WAITING   | ZADD                                  |
-- | TOTALS    | HINCRBY orphaned                      |
--
-- Arguments: job_id, document_id. Reply: promoted
local document = A.document_id
local due = redis.call('ZSCORE', DELAYED, member(document))
if not due or tonumber(due) > NOW then return reply({promoted = false}) end
redis.call('ZREM', DELAYED, member(document))
if state_of(document) ~= 'retrying' then
  count('orphaned')
  return reply({promoted = false})
end
redis.call('HDEL', DOCUMENTS, document .. '.retry_ms')
enqueue(document, 0)
keep_alive()
return reply({promoted = true})
