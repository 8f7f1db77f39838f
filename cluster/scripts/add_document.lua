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
-- Arguments: job_id, name, name_key, sha256, size, max_files, refused_code, refused_sentence (empty: accepted).
-- A refused file (no PDF, empty, too large) becomes a document that has already failed, so that it is not silently missing.
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
if A.refused_code ~= '' then
  set_state(document, 'failed')
  put(document, {code = A.refused_code, sentence = A.refused_sentence, finished_ms = whole(NOW)})
  document_event(document, 'failed', {code = A.refused_code})
else
  redis.call('HDEL', DOCUMENTS, document .. '.code', document .. '.sentence', document .. '.finished_ms')
  set_state(document, 'queued')
  document_event(document, 'queued')
end
keep(tonumber(A.open_ms))
return reply({outcome = known and 'replaced' or 'added', document_id = document})
