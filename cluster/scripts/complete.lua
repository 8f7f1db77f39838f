#!lua flags=allow-oom
-- Ends a job: completed when every document succeeded, else failed. A final job stays as it is.
--
-- | key         | does                                                    |
-- |-------------|---------------------------------------------------------|
-- | JOB         | HSET state, summary, finished_ms, expires_ms            |
-- | STATES      | ZCOUNT                                                  |
-- | EVENTS      | XADD job                                                |
-- | AGGREGATION | ZREM                                                    |
-- | TOTALS      | HINCRBY jobs_completed or jobs_failed                   |
-- | all of the job | PEXPIRE                                              |
--
-- Arguments: job_id, attempt, summary (JSON). Reply: state (absent when the job is gone), applied
local state = job('state')
if not state then
  redis.call('ZREM', AGGREGATION, A.job_id)
  return reply({applied = false})
end
if FINAL_JOB[state] or job('aggregation_attempt') ~= A.attempt then
  return reply({state = state, applied = false})
end
redis.call('HSET', JOB, 'summary', A.summary)
complete_job(state_by_documents())
return reply({state = job('state'), applied = true})
