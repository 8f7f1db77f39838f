-- What every script below starts with: names for the keys of one job and of the queue, and the few
-- changes that more than one script makes. The loader puts this text in front of each script.
--
-- KEYS (always all, always in this order, see Keys.of_job)
local JOB, DOCUMENTS, STATES, EVENTS, TOMBSTONE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local QUEUE, WAITING, DELAYED, AGGREGATION = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local TOTALS, DEAD, JOBS, UNFINISHED, CALLBACKS = KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14]

-- ARGV: name, value, name, value, …
local A = {}
for i = 1, #ARGV, 2 do A[ARGV[i]] = ARGV[i + 1] end

local clock = redis.call('TIME')
local NOW_US = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local NOW = math.floor(NOW_US / 1000)

local CODE = {queued = 0, running = 1, retrying = 2, succeeded = 3, failed = 4, cancelled = 5}
local LAST_UNFINISHED = 2
local NAME = {}
for name, code in pairs(CODE) do NAME[code] = name end
local FINAL_JOB = {completed = true, failed = true, cancelled = true}

local function whole(number) return string.format('%.0f', number) end
local function member(document) return A.job_id .. '/' .. document end
local function count(name, by) redis.call('HINCRBY', TOTALS, name, by or 1) end
local function job(name) return redis.call('HGET', JOB, name) end
local function owned() return (job('owner') or '') .. '/' .. A.job_id end
local function field(document, name) return redis.call('HGET', DOCUMENTS, document .. '.' .. name) end

local function put(document, values)
  local flat = {}
  for name, value in pairs(values) do
    flat[#flat + 1] = document .. '.' .. name
    flat[#flat + 1] = value
  end
  redis.call('HSET', DOCUMENTS, unpack(flat))
end

local function state_of(document)
  local code = redis.call('ZSCORE', STATES, document)
  return code and NAME[tonumber(code)]
end

local function emit(kind, data)
  redis.call('XADD', EVENTS, 'MAXLEN', '~', A.events_max, '*', 'kind', kind, 'data', cjson.encode(data))
end

-- The four keys of the job always expire together, what is said about it afterwards later.
local function keep(milliseconds)
  for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], milliseconds) end
  redis.call('PEXPIRE', TOMBSTONE, whole(milliseconds + tonumber(A.tombstone_ms)))
  local idempotency = job('idempotency')
  if idempotency then redis.call('PEXPIRE', idempotency, milliseconds) end
end

local function keep_alive() keep(tonumber(A.alive_ms)) end

-- Takes the document out of everything that could bring it to an evaluator.
local function withdraw(document)
  local entry = field(document, 'entry')
  if entry then
    redis.call('XACK', QUEUE, A.group, entry)
    redis.call('XDEL', QUEUE, entry)
  end
  redis.call('ZREM', WAITING, member(document))
  redis.call('ZREM', DELAYED, member(document))
end

local function drop_entry(entry)
  redis.call('XACK', QUEUE, A.group, entry)
  redis.call('XDEL', QUEUE, entry)
end

local function enqueue(document, order)
  local entry = redis.call('XADD', QUEUE, '*', 'job', A.job_id, 'document', document)
  redis.call('ZADD', WAITING, whole(NOW_US + order), member(document))
  put(document, {entry = entry, queued_ms = whole(NOW)})
end

local function document_event(document, state, more)
  local data = more or {}
  data.document_id = document
  data.state = state
  data.attempt = tonumber(field(document, 'attempt') or '0')
  data.finished = redis.call('ZCOUNT', STATES, '(' .. LAST_UNFINISHED, '+inf')
  data.total = redis.call('ZCARD', STATES)
  emit('document', data)
end

local function set_state(document, state)
  redis.call('ZADD', STATES, CODE[state], document)
end

-- Who sent the batch may have asked to be called when it ends. The job itself holds how that went.
local function ask_for_callback()
  local metadata = job('submitted_ms') and job('metadata')
  local url = metadata and cjson.decode(metadata).callback_url
  if not url or url == '' then return end
  redis.call('HSET', JOB, 'callback_state', 'pending')
  redis.call('ZADD', CALLBACKS, 'NX', whole(NOW), A.job_id)
end

-- The one place where a job becomes final.
local function complete_job(state)
  local ttl = tonumber(A.ttl_ms)
  redis.call('HSET', JOB, 'state', state, 'finished_ms', whole(NOW), 'expires_ms', whole(NOW + ttl))
  redis.call('ZREM', AGGREGATION, A.job_id)
  redis.call('ZREM', UNFINISHED, owned())
  -- A batch that was never submitted appears in no total.
  if job('submitted_ms') then count('jobs_' .. state) end
  ask_for_callback()
  emit('job', {state = state})
  keep(ttl)
end

-- What a job is whose documents are all final: nothing but they decide, also when its aggregation never ended.
local function state_by_documents()
  local succeeded = redis.call('ZCOUNT', STATES, CODE.succeeded, CODE.succeeded)
  return succeeded == redis.call('ZCARD', STATES) and 'completed' or 'failed'
end

-- After a document ended: is it the last? A cancelled job is final at once, any other is due for aggregation.
local function settle_job()
  if redis.call('ZCOUNT', STATES, '-inf', LAST_UNFINISHED) > 0 then
    keep_alive()
    return false
  end
  if job('cancel') then
    complete_job('cancelled')
    return false
  end
  redis.call('ZADD', AGGREGATION, 'NX', whole(NOW), A.job_id)
  keep_alive()
  return true
end

-- The one place where a document becomes final.
local function end_document(document, state, values, event)
  withdraw(document)
  set_state(document, state)
  values.finished_ms = whole(NOW)
  put(document, values)
  redis.call('HDEL', DOCUMENTS, document .. '.lease_ms', document .. '.retry_ms')
  count('documents_' .. state)
  document_event(document, state, event)
end

local function bury(document, code, reference)
  local letter = {job_id = A.job_id, document_id = document, code = code, reference = reference,
                  attempt = tonumber(field(document, 'attempt') or '0'), at = NOW / 1000}
  redis.call('LPUSH', DEAD, cjson.encode(letter))
  redis.call('LTRIM', DEAD, 0, tonumber(A.dead_letters_max) - 1)
  redis.call('PEXPIRE', DEAD, A.dead_letter_ms)
  count('dead_letters')
end

local function fail_document(document, code, sentence, reference)
  end_document(document, 'failed', {code = code, sentence = sentence, reference = reference}, {code = code})
end

-- nil when this attempt may still write, else why not.
local function fence(document)
  local state = state_of(document)
  if not state then return 'orphaned' end
  if field(document, 'attempt') ~= A.attempt then return 'superseded' end
  if CODE[state] > LAST_UNFINISHED then return 'final' end
  if state ~= 'running' then return 'superseded' end
  return nil
end

-- Starts the clock of a lease anew: the deadline that scripts check, and the idle time that XAUTOCLAIM checks.
local function extend_lease(document)
  put(document, {lease_ms = whole(NOW + tonumber(A.lease_ms))})
  local entry = field(document, 'entry')
  -- No group (Redis lost its data): the next read makes it again and delivers once more, which a claim refuses.
  redis.pcall('XCLAIM', QUEUE, A.group, 'evaluators', 0, entry, 'JUSTID')
end

local function reply(values) return cjson.encode(values) end
