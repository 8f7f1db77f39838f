"""Who does the work: the evaluator pool, the dispatcher and the aggregator."""
