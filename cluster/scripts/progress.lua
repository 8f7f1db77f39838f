#!lua flags=allow-oom
-- Notes which step a running attempt has reached. A repetition adds a second event and nothing else.
--
-- | key       | does                                      |
-- |-----------|-------------------------------------------|
-- | JOB       | HGET cancel                               |
-- | DOCUMENTS | HGET attempt; HSET step, total_steps, node |
-- | STATES    | ZSCORE                                    |
-- | EVENTS    | XADD progress                             |
--
-- Arguments: job_id, document_id, attempt, step, total_steps, node. Reply: refused (absent when noted)
local refusal = fence(A.document_id)
if not refusal and job('cancel') then refusal = 'cancelled' end
if refusal then return reply({refused = refusal}) end
put(A.document_id, {step = A.step, total_steps = A.total_steps, node = A.node})
emit('progress', {document_id = A.document_id, attempt = tonumber(A.attempt), step = tonumber(A.step),
                  total_steps = tonumber(A.total_steps), node = A.node})
keep_alive()
return reply({ok = true})
