Count,
Sum,
if(has(`ValueAtQuantiles.Quantile`, 0), `ValueAtQuantiles.Value`[indexOf(`ValueAtQuantiles.Quantile`, 0)], NULL),
if(has(`ValueAtQuantiles.Quantile`, 1), `ValueAtQuantiles.Value`[indexOf(`ValueAtQuantiles.Quantile`, 1)], NULL),
`ValueAtQuantiles.Quantile`,
`ValueAtQuantiles.Value`
