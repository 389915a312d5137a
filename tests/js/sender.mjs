// A program instrumented with OpenTelemetry's own SDK for JavaScript: `node sender.mjs http|proto none|gzip SERVICE`.
// It exports to OTEL_EXPORTER_OTLP_ENDPOINT, and prints the ids of its trace and spans, and what the exporter said, as JSON.
import { SpanKind, SpanStatusCode, TraceFlags, context, createTraceState, diag, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [protocol, compression, service] = process.argv.slice(2);

const said = [];
const note = (...words) => said.push(words.map((word) => (word instanceof Error ? word.message : String(word))).join(" "));
diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} });

const attributes = {
  string: "Grüße, 世界 😀",
  true: true,
  false: false,
  zero: 0,
  large: Number.MAX_SAFE_INTEGER,
  lowest: Number.MIN_SAFE_INTEGER,
  double: 0.1,
  huge: 1e300,
  strings: ["a", "", "b"],
  integers: [1, -2],
  doubles: [0.5, 2.5],
  booleans: [true, false],
  "empty array": [],
  "half of a pair": "a \ud83d b",
};

const earlier = {
  traceId: "00000000000000000000000000000abc",
  spanId: "0000000000000def",
  traceFlags: TraceFlags.SAMPLED,
  traceState: createTraceState("vendor=1"),
};

function report(tracer) {
  const root = tracer.startSpan("checkout", { kind: SpanKind.SERVER, attributes });
  const links = [{ context: earlier, attributes: { reason: "retry", attempt: 2 } }];
  const below = trace.setSpan(context.active(), root);
  const charge = tracer.startSpan("charge", { kind: SpanKind.CLIENT, links }, below);
  charge.addEvent("declined", { code: 51, hints: ["limit", "card"] }, [1_000_000_000, 1]);
  charge.setStatus({ code: SpanStatusCode.ERROR, message: "card declined" });
  charge.end();
  root.setStatus({ code: SpanStatusCode.OK });
  root.end();
  return { trace_id: root.spanContext().traceId, checkout: root.spanContext().spanId, charge: charge.spanContext().spanId };
}

const Exporter = protocol === "proto" ? ProtobufExporter : JsonExporter;
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": service, "host.cpus": 2 }),
  spanProcessors: [new BatchSpanProcessor(new Exporter({ compression }))],
});
const ids = report(provider.getTracer("shop", "1.2.3"));
await provider.shutdown();
console.log(JSON.stringify({ ...ids, said }));
