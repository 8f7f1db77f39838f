#!lua flags=allow-oom
-- Keeps an entry that waits for a free evaluator from being recovered; one that is claimed is left to its lease.
--
-- | key       | does                             |
-- |-----------|----------------------------------|
-- | DOCUMENTS | HGET entry                       |
-- | STATES    | ZSCORE                           |
-- | QUEUE     | XCLAIM JUSTID, idle time to zero |
--
-- Arguments: job_id, document_id, entry_id, consumer. Reply: held
local state = state_of(A.document_id)
if not state or state == 'running' or field(A.document_id, 'entry') ~= A.entry_id then
  return reply({held = false})
end
redis.pcall('XCLAIM', QUEUE, A.group, A.consumer, 0, A.entry_id, 'JUSTID')
return reply({held = true})
