#!lua flags=allow-oom
-- Removes a job and all that could bring it back. Evaluators at work find it gone. Repeating it is harmless.
--
-- | key         | does                                      |
-- |-------------|-------------------------------------------|
-- | JOB         | DEL                                       |
-- | DOCUMENTS   | HGET entry, summary; DEL                  |
-- | STATES      | ZRANGE; DEL                               |
-- | EVENTS      | DEL                                       |
-- | TOMBSTONE   | SET deleted and the owner                 |
-- | QUEUE       | XACK + XDEL                               |
-- | WAITING     | ZREM                                      |
-- | DELAYED     | ZREM                                      |
-- | AGGREGATION | ZREM                                      |
-- | JOBS        | ZREM                                      |
-- | UNFINISHED  | ZREM                                      |
-- | CALLBACKS   | ZREM                                      |
-- | TOTALS      | HINCRBY jobs_deleted, documents_cancelled |
-- | idempotency | DEL, its name is kept in the job          |
-- | results     | DEL, those that the summaries name        |
--
-- Arguments: job_id, only_open (0 or 1: what was accepted stays), result_prefix. Reply: existed, kept
local state = job('state')
if not state then return reply({existed = false}) end
if A.only_open == '1' and state ~= 'open' then return reply({existed = true, kept = true}) end
for _, document in ipairs(redis.call('ZRANGEBYSCORE', STATES, '-inf', LAST_UNFINISHED)) do
  withdraw(document)
  if state ~= 'open' then count('documents_cancelled') end
end
for _, document in ipairs(redis.call('ZRANGE', STATES, 0, -1)) do
  local summary = field(document, 'summary')
  local result = summary and cjson.decode(summary).result_key
  if result and result ~= '' then redis.call('DEL', A.result_prefix .. result) end
end
local idempotency = job('idempotency')
if idempotency then redis.call('DEL', idempotency) end
local owner = job('owner') or ''
redis.call('ZREM', UNFINISHED, owned())
redis.call('DEL', JOB, DOCUMENTS, STATES, EVENTS)
redis.call('ZREM', AGGREGATION, A.job_id)
redis.call('ZREM', JOBS, A.job_id)
redis.call('ZREM', CALLBACKS, A.job_id)
redis.call('SET', TOMBSTONE, 'deleted ' .. owner, 'PX', A.tombstone_ms)
count('jobs_deleted')
return reply({existed = true})
