module soc-agent-system/jaeger

go 1.26

tool github.com/jaegertracing/jaeger/cmd/jaeger

require github.com/jaegertracing/jaeger v1.76.0

// As in Jaeger's own go.mod: a replace counts in the main module only.
replace github.com/Shopify/sarama => github.com/Shopify/sarama v1.33.0
