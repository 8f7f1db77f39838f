#!lua
-- Makes a stored review the one that holds, if nobody else has put another in its place meanwhile.
--
-- | key       | does                                   |
-- |-----------|----------------------------------------|
-- | JOB       | HGET state                             |
-- | DOCUMENTS | HGET, HSET d….review                   |
-- | STATES    | ZSCORE                                 |
--
-- The review itself is a file: here stand its revision and SHA-256, as long as the job does.
-- Arguments: job_id, document_id, base (the revision it was made on), sha256.
-- Reply: outcome reviewed | conflict | missing | without_result, revision (the one that holds now)
if not job('state') then return reply({outcome = 'missing'}) end
local state = state_of(A.document_id)
if not state then return reply({outcome = 'missing'}) end
if state ~= 'succeeded' then return reply({outcome = 'without_result'}) end
local revision, sha256 = string.match(field(A.document_id, 'review') or '0 ', '^(%d+) (%w*)$')
-- Sent again after a lost reply.
if sha256 == A.sha256 then return reply({outcome = 'reviewed', revision = tonumber(revision)}) end
if revision ~= A.base then return reply({outcome = 'conflict', revision = tonumber(revision)}) end
put(A.document_id, {review = whole(tonumber(A.base) + 1) .. ' ' .. A.sha256})
return reply({outcome = 'reviewed', revision = tonumber(A.base) + 1})
