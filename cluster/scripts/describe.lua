#!lua
-- Replaces what the sender said about a batch, as long as it is open: in a form the fields may come after the files.
--
-- | key | does          |
-- |-----|---------------|
-- | JOB | HSET metadata |
--
-- Arguments: job_id, metadata (JSON). Reply: outcome described | missing | not_open
local state = job('state')
if not state then return reply({outcome = 'missing'}) end
if state ~= 'open' then return reply({outcome = 'not_open'}) end
redis.call('HSET', JOB, 'metadata', A.metadata)
keep(tonumber(A.open_ms))
return reply({outcome = 'described'})
