#!lua
-- Adds a document to an open job, or finds the one of the same name; other content under a known name replaces it.
--
-- | key       | does                                                        |
-- |-----------|-------------------------------------------------------------|
-- | JOB       | HGET state                                                  |
-- | DOCUMENTS | HSET d….name, d….sha256, d….size, name:… → document id      |
-- | STATES    | ZCARD, ZADD queued                                          |
-- | EVENTS    | XADD document                                               |
--
-- Arguments: job_id, name, name_key, sha256, size, max_files.
-- Reply: outcome added | known | replaced | missing | not_open | too_many, document_id
local state = job('state')
if not state then return reply({outcome = 'missing'}) end
local known = redis.call('HGET', DOCUMENTS, 'name:' .. A.name_key)
if known and field(known, 'sha256') == A.sha256 then
  return reply({outcome = 'known', document_id = known})
end
if state ~= 'open' then return reply({outcome = 'not_open'}) end
local present = redis.call('ZCARD', STATES)
if not known and present >= tonumber(A.max_files) then return reply({outcome = 'too_many'}) end
local document = known or string.format('d%04d', present + 1)
redis.call('HSET', DOCUMENTS, 'name:' .. A.name_key, document)
put(document, {name = A.name, sha256 = A.sha256, size = A.size})
set_state(document, 'queued')
document_event(document, 'queued')
keep(tonumber(A.open_ms))
return reply({outcome = known and 'replaced' or 'added', document_id = document})
