Count,
if(HasSum, Sum, NULL),
if(HasMin, Min, NULL),
if(HasMax, Max, NULL),
if(
    length(BucketCounts) = length(ExplicitBounds) + 1,
    arrayZip(arrayPushFront(ExplicitBounds, -inf), arrayPushBack(ExplicitBounds, inf)),
    [(-inf, inf)]
),
if(length(BucketCounts) = length(ExplicitBounds) + 1, BucketCounts, [Count])
