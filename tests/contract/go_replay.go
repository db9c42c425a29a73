//go:build ignore

// Google's Go client against a replay: reads a query's result in several ways and prints its rows as JSON.
// Arguments: REST address, project, SQL.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/civil"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// plain gives a value as JSON has it; numbers and times are texts.
func plain(value bigquery.Value, field *bigquery.FieldSchema) any {
	switch v := value.(type) {
	case nil:
		return nil
	case []bigquery.Value:
		one := *field
		items := []any{}
		if field.Repeated {
			one.Repeated = false
			for _, item := range v {
				items = append(items, plain(item, &one))
			}
			return items
		}
		return row(v, field.Schema)
	case int64:
		return fmt.Sprint(v)
	case float64:
		return fmt.Sprint(v)
	case *big.Rat:
		return v.FloatString(38)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000000000Z")
	case civil.DateTime:
		return v.String()[:min(26, len(v.String()))]
	case civil.Time:
		return v.String()[:min(15, len(v.String()))]
	case civil.Date:
		return v.String()
	default:
		return v
	}
}

func row(values []bigquery.Value, schema bigquery.Schema) []any {
	found := []any{}
	for i, value := range values {
		found = append(found, plain(value, schema[i]))
	}
	return found
}

func rows(it *bigquery.RowIterator) []any {
	found := []any{}
	for {
		var values []bigquery.Value
		err := it.Next(&values)
		if err == iterator.Done {
			return found
		}
		check(err)
		found = append(found, row(values, it.Schema))
	}
}

func main() {
	endpoint, project, sql := os.Args[1], os.Args[2], os.Args[3]
	ctx := context.Background()
	client, err := bigquery.NewClient(
		ctx, project, option.WithEndpoint(endpoint+"/bigquery/v2/"), option.WithoutAuthentication())
	check(err)
	found := map[string][]any{}
	it, err := client.Query(sql).Read(ctx)
	check(err)
	found["query"] = rows(it)
	job, err := client.Query(sql).Run(ctx)
	check(err)
	status, err := job.Wait(ctx)
	check(err)
	check(status.Err())
	it, err = job.Read(ctx)
	check(err)
	it.PageInfo().MaxSize = 37
	found["pages"] = rows(it)
	config, err := job.Config()
	check(err)
	it = config.(*bigquery.QueryConfig).Dst.Read(ctx)
	it.PageInfo().MaxSize = 41
	found["table"] = rows(it)
	check(json.NewEncoder(os.Stdout).Encode(found))
}
