#!lua flags=allow-oom
-- Takes the failure of an attempt: another attempt later, or the end of the document.
-- Idempotent: the same attempt finds its failure noted.
--
-- | key         | does                                                          |
-- |-------------|---------------------------------------------------------------|
-- | JOB         | HGET cancel; HSET when a cancelled job becomes final          |
-- | DOCUMENTS   | HGET attempt; HSET code, sentence, reference, retry_ms, …     |
-- | STATES      | ZADD retrying or failed                                       |
-- | EVENTS      | XADD document                                                 |
-- | QUEUE       | XACK + XDEL                                                   |
-- | DELAYED     | ZADD when it will be retried                                  |
-- | AGGREGATION | ZADD when it was the last document                            |
-- | TOTALS      | HINCRBY retries, documents_failed, dead_letters, …            |
-- | DEAD        | LPUSH when a retryable failure used the last attempt          |
--
-- Arguments: job_id, document_id, attempt, code, sentence, reference, retryable (0 or 1), delay_ms, max_attempts
-- Reply: applied, last, reason, will_retry, retry_ms
local document = A.document_id
local refusal = fence(document)
if refusal then
  if field(document, 'failed_attempt') == A.attempt then
    local due = tonumber(field(document, 'retry_ms') or '0')
    return reply({applied = true, will_retry = due > 0, retry_ms = math.max(0, due - NOW)})
  end
  count(refusal == 'orphaned' and 'orphaned' or 'superseded')
  return reply({applied = false, reason = refusal})
end
if job('cancel') then
  end_document(document, 'cancelled', {})
  return reply({applied = false, reason = 'cancelled', last = settle_job()})
end

put(document, {failed_attempt = A.attempt})
local used = tonumber(A.attempt) - tonumber(field(document, 'returned') or '0')
if A.retryable == '1' and used < tonumber(A.max_attempts) then
  local due = NOW + tonumber(A.delay_ms)
  withdraw(document)
  set_state(document, 'retrying')
  put(document, {code = A.code, sentence = A.sentence, reference = A.reference, retry_ms = whole(due)})
  redis.call('HDEL', DOCUMENTS, document .. '.lease_ms', document .. '.entry')
  redis.call('ZADD', DELAYED, whole(due), member(document))
  count('retries')
  document_event(document, 'retrying', {code = A.code})
  keep_alive()
  return reply({applied = true, will_retry = true, retry_ms = tonumber(A.delay_ms)})
end
if A.retryable == '1' then bury(document, A.code, A.reference) end
fail_document(document, A.code, A.sentence, A.reference)
return reply({applied = true, last = settle_job()})
