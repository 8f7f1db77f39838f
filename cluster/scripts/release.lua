#!lua flags=allow-oom
-- Gives a delivered entry back: its idle time is set past the lease, so that the next recovery takes it.
-- An attempt that was claimed through this very delivery is ended only when its evaluator is known to be dead;
-- the entry then stays idle for broken_idle_ms less than a lease, which delays its recovery.
--
-- | key       | does                                         |
-- |-----------|----------------------------------------------|
-- | DOCUMENTS | HGET entry, deliveries; HSET lease_ms 0      |
-- | STATES    | ZSCORE                                       |
-- | QUEUE     | XCLAIM with an idle time past the lease      |
--
-- Arguments: job_id, document_id, entry_id, deliveries, evaluator_died (0 or 1), idle_ms,
--            broken_idle_ms. Reply: released
local document = A.document_id
local idle = A.idle_ms
if field(document, 'entry') ~= A.entry_id then return reply({released = false}) end
if state_of(document) == 'running' then
  if A.evaluator_died ~= '1' or field(document, 'deliveries') ~= A.deliveries then
    return reply({released = false})
  end
  put(document, {lease_ms = 0})
  idle = A.broken_idle_ms
end
redis.pcall('XCLAIM', QUEUE, A.group, 'evaluators', 0, A.entry_id, 'IDLE', idle, 'JUSTID')
return reply({released = true})
