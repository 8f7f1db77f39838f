#!lua flags=allow-oom
-- Takes the result of an attempt: the first valid one wins, for ever.
-- Idempotent: the same attempt with the same result finds itself applied. allow-oom: a full Redis must still be
-- able to end work, which is what frees it.
--
-- | key         | does                                                        |
-- |-------------|-------------------------------------------------------------|
-- | JOB         | HGET cancel; HSET when a cancelled job becomes final        |
-- | DOCUMENTS   | HGET attempt, result_hash; HSET summary, result_hash, …     |
-- | STATES      | ZADD succeeded                                              |
-- | EVENTS      | XADD document                                               |
-- | QUEUE       | XACK + XDEL                                                 |
-- | WAITING     | ZREM                                                        |
-- | DELAYED     | ZREM                                                        |
-- | AGGREGATION | ZADD when it was the last document                          |
-- | TOTALS      | HINCRBY documents_succeeded, duplicates_…, superseded, …    |
--
-- Arguments: job_id, document_id, attempt, result_hash, summary (JSON), cached (0 or 1)
-- Reply: applied, last, reason
local document = A.document_id
if state_of(document) == 'succeeded' then
  local equal = field(document, 'result_hash') == A.result_hash
  if equal and field(document, 'attempt') == A.attempt then return reply({applied = true}) end
  count(equal and 'duplicates_equal' or 'duplicates_different')
  return reply({applied = false, reason = 'duplicate'})
end
local refusal = fence(document)
if refusal then
  count(refusal == 'orphaned' and 'orphaned' or 'superseded')
  return reply({applied = false, reason = refusal})
end
if job('cancel') then
  end_document(document, 'cancelled', {})
  return reply({applied = false, reason = 'cancelled', last = settle_job()})
end
if A.cached == '1' then count('cache_hits') end
end_document(document, 'succeeded', {summary = A.summary, result_hash = A.result_hash})
return reply({applied = true, last = settle_job()})
