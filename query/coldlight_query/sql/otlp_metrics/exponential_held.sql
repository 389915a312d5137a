if(HasMin, Min, NULL),
if(HasMax, Max, NULL),
Scale,
ZeroThreshold,
ZeroCount,
PositiveOffset,
PositiveBucketCounts,
NegativeOffset,
NegativeBucketCounts
