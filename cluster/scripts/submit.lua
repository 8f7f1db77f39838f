#!lua
-- Accepts a job: from here on it reaches exactly one final state. Repeating it changes nothing.
-- When the idempotency key already belongs to another job, that one is the answer and this one is discarded.
--
-- | key         | does                                                      |
-- |-------------|-----------------------------------------------------------|
-- | JOB         | HSET state queued, submitted_ms, idempotency              |
-- | DOCUMENTS   | HSET d….entry, d….queued_ms                               |
-- | STATES      | ZRANGE                                                    |
-- | EVENTS      | XADD job                                                  |
-- | QUEUE       | XADD one entry per document that was not refused          |
-- | AGGREGATION | ZADD when every document was refused                      |
-- | WAITING     | ZADD one member per document                              |
-- | TOMBSTONE   | DEL when discarded, as JOB, DOCUMENTS, STATES and EVENTS  |
-- | JOBS        | ZREM when discarded                                       |
-- | UNFINISHED  | ZREM when discarded                                       |
-- | TOTALS      | HINCRBY jobs_submitted, documents_submitted               |
-- | idempotency | KEYS[15], only with a key: HGET, HSET job_id              |
--
-- Arguments: job_id. Reply: outcome submitted | already | other | empty | missing, job_id
local state = job('state')
if not state then return reply({outcome = 'missing'}) end
if state ~= 'open' then return reply({outcome = 'already', job_id = A.job_id}) end
local documents = redis.call('ZRANGE', STATES, 0, -1)
if #documents == 0 then return reply({outcome = 'empty'}) end

local idempotency = KEYS[15]
if idempotency then
  local bound = redis.call('HGET', idempotency, 'job_id')
  if bound and bound ~= A.job_id then
    redis.call('ZREM', UNFINISHED, owned())
    redis.call('DEL', JOB, DOCUMENTS, STATES, EVENTS, TOMBSTONE)
    redis.call('ZREM', JOBS, A.job_id)
    return reply({outcome = 'other', job_id = bound})
  end
  redis.call('HSET', idempotency, 'job_id', A.job_id)
  redis.call('HSET', JOB, 'idempotency', idempotency)
end

redis.call('HSET', JOB, 'state', 'queued', 'submitted_ms', whole(NOW))
for order, document in ipairs(documents) do
  if state_of(document) == 'queued' then
    enqueue(document, order)
  else
    count('documents_failed')
  end
end
count('jobs_submitted')
count('documents_submitted', #documents)
emit('job', {state = 'queued'})
-- Every file was refused: nothing runs, the aggregation is due at once.
settle_job()
return reply({outcome = 'submitted', job_id = A.job_id})
