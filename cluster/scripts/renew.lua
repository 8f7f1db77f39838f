#!lua flags=allow-oom
-- Extends the lease of a running attempt. Harmless to repeat.
--
-- | key       | does                              |
-- |-----------|-----------------------------------|
-- | JOB       | HGET cancel                       |
-- | DOCUMENTS | HGET attempt, entry; HSET lease_ms |
-- | STATES    | ZSCORE                            |
-- | QUEUE     | XCLAIM JUSTID, idle time to zero  |
--
-- Arguments: job_id, document_id, attempt, lease_ms. Reply: refused (absent when renewed)
local refusal = fence(A.document_id)
if refusal then return reply({refused = refusal}) end
extend_lease(A.document_id)
if job('cancel') then return reply({refused = 'cancelled'}) end
return reply({ok = true})
