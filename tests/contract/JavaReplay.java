import com.google.cloud.NoCredentials;
import com.google.cloud.bigquery.BigQuery;
import com.google.cloud.bigquery.BigQueryOptions;
import com.google.cloud.bigquery.Field;
import com.google.cloud.bigquery.FieldList;
import com.google.cloud.bigquery.FieldValue;
import com.google.cloud.bigquery.FieldValueList;
import com.google.cloud.bigquery.Job;
import com.google.cloud.bigquery.JobInfo;
import com.google.cloud.bigquery.LegacySQLTypeName;
import com.google.cloud.bigquery.QueryJobConfiguration;
import com.google.cloud.bigquery.TableResult;
import com.google.gson.GsonBuilder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Google's Java client against a replay: reads a query's result in several ways and prints its rows as JSON.
 * Arguments: REST address, project, SQL.
 */
public class JavaReplay {
  static Object plain(FieldValue value, Field field, boolean item) {
    if (value.isNull()) {
      return null;
    }
    if (Field.Mode.REPEATED == field.getMode() && !item) {
      List<Object> items = new ArrayList<>();
      for (FieldValue one : value.getRepeatedValue()) {
        items.add(plain(one, field, true));
      }
      return items;
    }
    LegacySQLTypeName type = field.getType();
    if (type == LegacySQLTypeName.RECORD) {
      return row(value.getRecordValue(), field.getSubFields());
    }
    if (type == LegacySQLTypeName.INTEGER) {
      return String.valueOf(value.getLongValue());
    }
    if (type == LegacySQLTypeName.FLOAT) {
      return String.valueOf(value.getDoubleValue());
    }
    if (type == LegacySQLTypeName.BOOLEAN) {
      return value.getBooleanValue();
    }
    if (type == LegacySQLTypeName.NUMERIC || type == LegacySQLTypeName.BIGNUMERIC) {
      return value.getNumericValue().toPlainString();
    }
    if (type == LegacySQLTypeName.TIMESTAMP) {
      return value.getTimestampInstant().toString();
    }
    return value.getStringValue();
  }

  static List<Object> row(FieldValueList values, FieldList fields) {
    List<Object> found = new ArrayList<>();
    for (int i = 0; i < fields.size(); i++) {
      found.add(plain(values.get(i), fields.get(i), false));
    }
    return found;
  }

  static List<Object> rows(TableResult result, FieldList fields) {
    List<Object> found = new ArrayList<>();
    for (FieldValueList values : result.iterateAll()) {
      found.add(row(values, fields));
    }
    return found;
  }

  public static void main(String[] arguments) throws Exception {
    BigQuery client =
        BigQueryOptions.newBuilder()
            .setHost(arguments[0])
            .setProjectId(arguments[1])
            .setCredentials(NoCredentials.getInstance())
            .build()
            .getService();
    QueryJobConfiguration query = QueryJobConfiguration.newBuilder(arguments[2]).build();
    Map<String, List<Object>> found = new LinkedHashMap<>();
    TableResult result = client.query(query);
    FieldList fields = result.getSchema().getFields();
    found.put("query", rows(result, fields));
    Job job = client.create(JobInfo.of(query)).waitFor();
    found.put("pages", rows(job.getQueryResults(BigQuery.QueryResultsOption.pageSize(37)), fields));
    QueryJobConfiguration made = job.reload().getConfiguration();
    found.put(
        "table",
        rows(
            client.listTableData(
                made.getDestinationTable(),
                client.getTable(made.getDestinationTable()).getDefinition().getSchema(),
                BigQuery.TableDataListOption.pageSize(41)),
            fields));
    System.out.println(new GsonBuilder().serializeNulls().create().toJson(found));
    System.exit(0);
  }
}
