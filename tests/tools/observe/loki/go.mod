module soc-agent-system/loki

go 1.26

tool (
	github.com/grafana/loki/v3/clients/cmd/promtail
	github.com/grafana/loki/v3/cmd/loki
)

require github.com/grafana/loki/v3 v3.4.6

// As in Loki's own go.mod: replace and exclude count in the main module only.
replace (
	github.com/Azure/azure-sdk-for-go => github.com/Azure/azure-sdk-for-go v68.0.0+incompatible
	github.com/Azure/azure-storage-blob-go => github.com/MasslessParticle/azure-storage-blob-go v0.14.1-0.20240322194317-344980fda573
	github.com/gocql/gocql => github.com/grafana/gocql v0.0.0-20200605141915-ba5dc39ece85
	github.com/grafana/regexp => github.com/grafana/regexp v0.0.0-20240518133315-a468a5bfb3bc
	github.com/hashicorp/consul => github.com/hashicorp/consul v1.20.2
	github.com/hashicorp/memberlist => github.com/grafana/memberlist v0.3.1-0.20220714140823-09ffed8adbbe
	github.com/influxdata/go-syslog/v3 => github.com/leodido/go-syslog/v4 v4.2.0
)

exclude k8s.io/client-go v8.0.0+incompatible
