sumMap(
    multiIf(
        change = 'all', $edges_now,
        change = 'difference', arrayConcat($edges_now, $edges_before),
        []
    ),
    multiIf(
        change = 'all', $counts_now,
        change = 'difference', arrayConcat($counts_now, arrayMap(n -> -n, $counts_before)),
        []
    )
)
