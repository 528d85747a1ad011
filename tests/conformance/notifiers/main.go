// Runs Alertmanager's own notifiers against servers on loopback and writes down what they send and how they read
// the answers: a case a line in, a result a line out, both JSON. The first line out says what there is.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
)

// Case is one notification to deliver. Times are in ms.
type Case struct {
	Config      string            `json:"config"`
	GroupKey    string            `json:"group_key"`
	GroupLabels model.LabelSet    `json:"group_labels"`
	RouteLabels model.LabelSet    `json:"route_labels"`
	Reason      string            `json:"reason"`
	ExternalURL string            `json:"external_url"`
	Alerts      []CaseAlert       `json:"alerts"`
	Answers     []Answer          `json:"answers"`
	Refused     map[string]string `json:"refused"` // SMTP verb: the line that refuses it
	Stored      map[string]string `json:"stored"`  // what earlier deliveries to the group left behind
}

type CaseAlert struct {
	Labels       model.LabelSet `json:"labels"`
	Annotations  model.LabelSet `json:"annotations"`
	StartsAt     int64          `json:"starts_at"`
	EndsAt       *int64         `json:"ends_at"`
	GeneratorURL string         `json:"generator_url"`
}

type Answer struct {
	Status  int               `json:"status"`
	Body    string            `json:"body"`
	Headers map[string]string `json:"headers"`
}

type Request struct {
	Method     string              `json:"method"`
	URL        string              `json:"url"`
	Headers    map[string][]string `json:"headers"`
	Body       string              `json:"body"`
	Sender     string              `json:"sender"`
	Recipients []string            `json:"recipients"`
}

type Result struct {
	Invalid   string            `json:"invalid"` // why the configuration was refused
	Requests  []Request         `json:"requests"`
	Delivered bool              `json:"delivered"`
	Retry     bool              `json:"retry"`
	DelayMs   int64             `json:"delay_ms"`
	Failure   string            `json:"failure"`
	Error     string            `json:"error"`
	Stored    map[string]string `json:"stored"`
}

var reasons = []notify.NotifyReason{
	notify.ReasonFirstNotification, notify.ReasonNewAlertsInGroup, notify.ReasonNewResolvedAlerts,
	notify.ReasonAllAlertsResolved, notify.ReasonRepeatIntervalElapsed,
}

func main() {
	os.Unsetenv("AWS_CA_BUNDLE") // which would bring another client
	check(os.Setenv("AWS_MAX_ATTEMPTS", "1"))
	check(os.Setenv("AWS_EC2_METADATA_DISABLED", "true"))
	moduleVersion := alertmanagerVersion()
	notify.UserAgentHeader = "Alertmanager/" + moduleVersion

	sink, err := newSink()
	check(err)
	tmpl, err := template.FromGlobs(nil)
	check(err)

	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	hostname, err := os.Hostname()
	check(err)
	check(encoder.Encode(map[string]any{
		"version": moduleVersion, "smarthost": sink.smarthost, "hostname": hostname, "keys": keys(),
	}))
	check(out.Flush())

	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var c Case
		check(json.Unmarshal(line, &c))
		check(encoder.Encode(run(c, tmpl, sink)))
		check(out.Flush())
	}
}

// run delivers one notification.
func run(c Case, tmpl *template.Template, sink *sink) Result {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return Result{Invalid: err.Error()}
	}
	external, err := url.Parse(c.ExternalURL)
	check(err)
	tmpl.ExternalURL = external
	integrations, err := receiver.BuildReceiverIntegrations(
		cfg.Receivers[0], tmpl, promslog.NewNopLogger(),
		commoncfg.WithDialContextFunc(sink.dial), commoncfg.WithNewTLSConfigFunc(trustAll),
		commoncfg.WithHTTP2Disabled(), commoncfg.WithKeepAlivesDisabled(),
	)
	if err != nil {
		return Result{Invalid: err.Error()}
	}

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx = notify.WithReceiverName(ctx, cfg.Receivers[0].Name)
	ctx = notify.WithGroupKey(ctx, c.GroupKey)
	ctx = notify.WithGroupLabels(ctx, c.GroupLabels)
	ctx = notify.WithRouteLabels(ctx, c.RouteLabels)
	for _, reason := range reasons {
		if reason.String() == c.Reason {
			ctx = notify.WithNotificationReason(ctx, reason)
		}
	}
	store := nflog.NewStore(nil)
	for name, value := range c.Stored {
		store.SetStr(name, value)
	}
	ctx = notify.WithNflogStore(ctx, store)

	sink.expect(c.Answers, c.Refused)
	verdict := integrations[0].Notify(ctx, alertsOf(c.Alerts)...)

	result := Result{
		Requests: sink.taken(), Delivered: verdict.Err() == nil, Retry: verdict.ShouldRetry(),
		DelayMs: verdict.Delay().Milliseconds(), Stored: map[string]string{},
	}
	if verdict.Err() != nil {
		result.Error, result.Failure = verdict.Err().Error(), verdict.Reason().String()
	}
	for _, name := range []string{"threadTs", "channelId"} {
		if value, ok := store.GetStr(name); ok {
			result.Stored[name] = value
		}
	}
	return result
}

func alertsOf(cases []CaseAlert) []*alert.Alert {
	alerts := make([]*alert.Alert, 0, len(cases))
	for _, each := range cases {
		a := model.Alert{
			Labels: each.Labels, Annotations: each.Annotations, GeneratorURL: each.GeneratorURL,
			StartsAt: time.UnixMilli(each.StartsAt).UTC(),
		}
		if each.EndsAt != nil {
			a.EndsAt = time.UnixMilli(*each.EndsAt).UTC()
		}
		alerts = append(alerts, alert.New(a, a.StartsAt, false))
	}
	return alerts
}

// keys says which keys a receiver's lists take, by the name of the list.
func keys() map[string][]string {
	found := map[string][]string{}
	kind := reflect.TypeFor[config.Receiver]()
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("yaml"), ",")
		if strings.HasSuffix(name, "_configs") {
			found[name] = keysOf("", kind.Field(i).Type)
		}
	}
	return found
}

var opaque = map[string]bool{"http_config": true, "tls_config": true, "sigv4": true}

func keysOf(prefix string, kind reflect.Type) []string {
	for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct || strings.Contains(kind.PkgPath(), "config/common") {
		return nil
	}
	var found []string
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if strings.Contains(options, "inline") {
			found = append(found, "send_resolved")
			continue
		}
		if name == "" {
			name = strings.ToLower(field.Name) // what yaml does
		}
		found = append(found, prefix+name)
		if !opaque[name] {
			found = append(found, keysOf(prefix+name+".", field.Type)...)
		}
	}
	return found
}

func alertmanagerVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/prometheus/alertmanager" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "unknown"
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
