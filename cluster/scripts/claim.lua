#!lua flags=allow-oom
-- Gives one evaluator the right to one document, as a new attempt with a lease.
-- Idempotent by nonce: a repetition whose first reply was lost gets the same attempt again.
-- Every refusal settles the entry, so that nothing is left for the caller to do.
--
-- | key         | does                                                                    |
-- |-------------|-------------------------------------------------------------------------|
-- | JOB         | HGET; HSET state processing, started_ms on the first claim              |
-- | DOCUMENTS   | HGET entry, attempt, lease_ms; HSET attempt, lease_ms, worker, nonce, … |
-- | STATES      | ZADD running (or a final state)                                         |
-- | EVENTS      | XADD document, job                                                      |
-- | QUEUE       | XCLAIM to the evaluators; XACK + XDEL when refused for good             |
-- | WAITING     | ZREM                                                                    |
-- | AGGREGATION | ZADD when a refusal ends the last document                              |
-- | TOTALS      | HINCRBY claims, orphaned, …                                             |
-- | DEAD        | LPUSH when attempts are exhausted                                       |
--
-- Arguments: job_id, document_id, entry_id, deliveries, worker, nonce, lease_ms, max_attempts,
--            exhausted_code, exhausted_sentence
-- Reply: refused, last | attempt, name, sha256, size, metadata, queued_ms, now_ms
local document = A.document_id
local state = state_of(document)
if redis.call('EXISTS', JOB) == 0 or not state then
  drop_entry(A.entry_id)
  redis.call('ZREM', WAITING, member(document))
  count('orphaned')
  return reply({refused = 'orphaned'})
end
if field(document, 'entry') ~= A.entry_id then
  drop_entry(A.entry_id)
  return reply({refused = 'superseded'})
end
if CODE[state] > LAST_UNFINISHED then
  drop_entry(A.entry_id)
  return reply({refused = 'final'})
end

local attempt = tonumber(field(document, 'attempt') or '0')
local repeated = state == 'running' and field(document, 'nonce') == A.nonce
if state == 'running' and not repeated and tonumber(field(document, 'lease_ms') or '0') > NOW then
  return reply({refused = 'leased'})
end

if not repeated then
  if job('cancel') then
    end_document(document, 'cancelled', {})
    return reply({refused = 'cancelled', last = settle_job()})
  end
  if attempt - tonumber(field(document, 'returned') or '0') >= tonumber(A.max_attempts) then
    bury(document, A.exhausted_code, '')
    fail_document(document, A.exhausted_code, A.exhausted_sentence, '')
    return reply({refused = 'exhausted', last = settle_job()})
  end
  attempt = attempt + 1
  if state == 'running' then count('leases_expired') end
  put(document, {attempt = attempt, worker = A.worker, nonce = A.nonce, deliveries = A.deliveries,
                 started_ms = whole(NOW), step = 0, total_steps = 0, node = ''})
  set_state(document, 'running')
  redis.call('ZREM', WAITING, member(document))
  count('claims')
  if job('state') == 'queued' then
    redis.call('HSET', JOB, 'state', 'processing', 'started_ms', whole(NOW))
    emit('job', {state = 'processing'})
  end
  document_event(document, 'running')
end
extend_lease(document)
keep_alive()
return reply({attempt = attempt, name = field(document, 'name'), sha256 = field(document, 'sha256'),
              size = tonumber(field(document, 'size')), metadata = job('metadata'),
              queued_ms = tonumber(field(document, 'queued_ms')), now_ms = NOW})
