-- Bucket i of a scale has what is above base^i and up to base^(i + 1), where base is 2^(2^-scale); the buckets of a finer scale are those
-- of the present one after a shift (OpenTelemetry, metrics data model, "ExponentialHistogram").
arrayConcat(
    arrayMap(
        i -> (-least(exp2((i + 1) * exp2(-now.scale)), 1.7976931348623157e308), -exp2(i * exp2(-now.scale))),
        arrayMap(k -> bitShiftRight(toInt64($of.negative_offset) + k - 1, greatest($of.scale - now.scale, 0)), arrayEnumerate($of.negative))
    ),
    [(if(empty($of.negative), 0, -$of.zero_threshold), $of.zero_threshold)],
    arrayMap(
        i -> (exp2(i * exp2(-now.scale)), least(exp2((i + 1) * exp2(-now.scale)), 1.7976931348623157e308)),
        arrayMap(k -> bitShiftRight(toInt64($of.positive_offset) + k - 1, greatest($of.scale - now.scale, 0)), arrayEnumerate($of.positive))
    )
)
