"""The messages of the API: one table, read by the check of request bodies and by the discovery document.

A message is a line of fields ``name:type``; without a type it is a string. Types are the lower-case scalars
of :data:`SCALARS`, names of other messages, ``[]type`` for lists and ``{}type`` for maps. Fields that are not
listed are accepted and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

# Scalar name -> (JSON type, format) of the discovery document.
SCALARS: Mapping[str, tuple[str, str | None]] = {
    "string": ("string", None),
    "int64": ("string", "int64"),
    "uint64": ("string", "uint64"),
    "int32": ("integer", "int32"),
    "uint32": ("integer", "uint32"),
    "double": ("number", "double"),
    "bool": ("boolean", None),
    "text": ("string", None),
    "any": ("any", None),
}

MESSAGES: Mapping[str, str] = {
    "ErrorProto": "reason location debugInfo message",
    "ProjectReference": "projectId",
    "ProjectList": "kind etag nextPageToken projects:[]ProjectListItem totalItems:int32",
    "ProjectListItem": "kind id numericId:uint64 projectReference:ProjectReference friendlyName",
    "GetServiceAccountResponse": "kind email",
    "EncryptionConfiguration": "kmsKeyName",
    "DatasetReference": "projectId datasetId",
    "DatasetAccess": (
        "role userByEmail groupByEmail domain specialGroup iamMember view:TableReference "
        "routine:RoutineReference dataset:DatasetAccessEntry condition:Expr"
    ),
    "DatasetAccessEntry": "dataset:DatasetReference targetTypes:[]string",
    "Expr": "expression title description location",
    "Dataset": (
        "kind etag id selfLink datasetReference:DatasetReference friendlyName description "
        "defaultTableExpirationMs:int64 defaultPartitionExpirationMs:int64 labels:{}string "
        "access:[]DatasetAccess creationTime:int64 lastModifiedTime:int64 location "
        "defaultEncryptionConfiguration:EncryptionConfiguration satisfiesPzs:bool satisfiesPzi:bool type "
        "isCaseInsensitive:bool defaultCollation defaultRoundingMode maxTimeTravelHours:int64 "
        "storageBillingModel resourceTags:{}string linkedDatasetSource:any externalDatasetReference:any "
        "tags:[]any restrictions:any"
    ),
    "DatasetList": "kind etag nextPageToken datasets:[]DatasetListItem unreachable:[]string",
    "DatasetListItem": "kind id datasetReference:DatasetReference labels:{}string friendlyName location",
    "UndeleteDatasetRequest": "deletionTime",
    "TableReference": "projectId datasetId tableId",
    "TableSchema": "fields:[]TableFieldSchema foreignTypeInfo:any",
    "TableFieldSchema": (
        "name type mode fields:[]TableFieldSchema description maxLength:int64 precision:int64 scale:int64 "
        "timestampPrecision:int64 roundingMode collation defaultValueExpression policyTags:any "
        "dataPolicies:[]any categories:any rangeElementType:FieldElementType foreignTypeDefinition "
        "generatedColumn:any"
    ),
    "FieldElementType": "type",
    "TimePartitioning": "type expirationMs:int64 field requirePartitionFilter:bool",
    "RangePartitioning": "field range:RangePartitioningRange",
    "RangePartitioningRange": "start:int64 end:int64 interval:int64",
    "Clustering": "fields:[]string",
    "ViewDefinition": (
        "query useLegacySql:bool userDefinedFunctionResources:[]UserDefinedFunctionResource "
        "useExplicitColumnNames:bool privacyPolicy:any"
    ),
    "UserDefinedFunctionResource": "resourceUri inlineCode",
    "MaterializedViewDefinition": (
        "query lastRefreshTime:int64 enableRefresh:bool refreshIntervalMs:int64 maxStaleness "
        "allowNonIncrementalDefinition:bool"
    ),
    "SnapshotDefinition": "baseTableReference:TableReference snapshotTime",
    "CloneDefinition": "baseTableReference:TableReference cloneTime",
    "TableConstraints": "primaryKey:PrimaryKey foreignKeys:[]ForeignKey",
    "PrimaryKey": "columns:[]string",
    "ForeignKey": "name referencedTable:TableReference columnReferences:[]ColumnReference",
    "ColumnReference": "referencingColumn referencedColumn",
    "ExternalDataConfiguration": (
        "sourceUris:[]string schema:TableSchema sourceFormat maxBadRecords:int32 autodetect:bool "
        "ignoreUnknownValues:bool compression csvOptions:any jsonOptions:any avroOptions:any "
        "parquetOptions:any bigtableOptions:any googleSheetsOptions:any hivePartitioningOptions:any "
        "connectionId decimalTargetTypes:[]string referenceFileSchemaUri metadataCacheMode objectMetadata"
    ),
    "Table": (
        "kind etag id selfLink tableReference:TableReference friendlyName description labels:{}string "
        "schema:TableSchema timePartitioning:TimePartitioning rangePartitioning:RangePartitioning "
        "clustering:Clustering requirePartitionFilter:bool numBytes:int64 numPhysicalBytes:int64 "
        "numLongTermBytes:int64 numRows:uint64 creationTime:int64 expirationTime:int64 "
        "lastModifiedTime:uint64 type view:ViewDefinition materializedView:MaterializedViewDefinition "
        "materializedViewStatus:MaterializedViewStatus externalDataConfiguration:ExternalDataConfiguration "
        "biglakeConfiguration:any location streamingBuffer:Streamingbuffer "
        "encryptionConfiguration:EncryptionConfiguration snapshotDefinition:SnapshotDefinition "
        "defaultCollation defaultRoundingMode cloneDefinition:CloneDefinition maxStaleness "
        "tableConstraints:TableConstraints resourceTags:{}string tableReplicationInfo:any "
        "numTimeTravelPhysicalBytes:int64 numTotalLogicalBytes:int64 numActiveLogicalBytes:int64 "
        "numLongTermLogicalBytes:int64 numTotalPhysicalBytes:int64 numActivePhysicalBytes:int64 "
        "numLongTermPhysicalBytes:int64 numCurrentPhysicalBytes:int64 numPartitions:int64"
    ),
    "MaterializedViewStatus": "refreshWatermark lastRefreshStatus:ErrorProto",
    "Streamingbuffer": "estimatedBytes:uint64 estimatedRows:uint64 oldestEntryTime:uint64",
    "TableList": "kind etag nextPageToken tables:[]TableListItem totalItems:int32",
    "TableListItem": (
        "kind id tableReference:TableReference friendlyName type timePartitioning:TimePartitioning "
        "rangePartitioning:RangePartitioning clustering:Clustering labels:{}string view:any "
        "creationTime:int64 expirationTime:int64 requirePartitionFilter:bool"
    ),
    "TableRow": "f:[]TableCell",
    "TableCell": "v:any",
    "TableDataList": "kind etag totalRows:int64 pageToken rows:[]TableRow",
    "TableDataInsertAllRequest": (
        "kind skipInvalidRows:bool ignoreUnknownValues:bool templateSuffix rows:[]TableDataInsertAllRow "
        "traceId"
    ),
    "TableDataInsertAllRow": "insertId json:{}any",
    "TableDataInsertAllResponse": "kind insertErrors:[]TableDataInsertAllErrors",
    "TableDataInsertAllErrors": "index:uint32 errors:[]ErrorProto",
    "JobReference": "projectId jobId location",
    "ConnectionProperty": "key value",
    "QueryParameter": "name parameterType:QueryParameterType parameterValue:QueryParameterValue",
    "QueryParameterType": (
        "type arrayType:QueryParameterType structTypes:[]QueryParameterStructType "
        "rangeElementType:QueryParameterType timestampPrecision:int64"
    ),
    "QueryParameterStructType": "name type:QueryParameterType description",
    "QueryParameterValue": (
        "value:text arrayValues:[]QueryParameterValue structValues:{}QueryParameterValue "
        "rangeValue:RangeValue"
    ),
    "RangeValue": "start:QueryParameterValue end:QueryParameterValue",
    "DataFormatOptions": "useInt64Timestamp:bool timestampOutputFormat",
    "ArrowSerializationOptions": "bufferCompression picosTimestampPrecision",
    "QueryRequest": (
        "kind query maxResults:uint32 defaultDataset:DatasetReference timeoutMs:uint32 jobTimeoutMs:int64 "
        "dryRun:bool preserveNulls:bool useQueryCache:bool useLegacySql:bool parameterMode "
        "queryParameters:[]QueryParameter location formatOptions:DataFormatOptions "
        "connectionProperties:[]ConnectionProperty labels:{}string maximumBytesBilled:int64 requestId "
        "createSession:bool jobCreationMode continuous:bool reservation maxSlots:int32 "
        "writeIncrementalResults:bool destinationEncryptionConfiguration:EncryptionConfiguration "
        "queryResultsFormat arrowSerializationOptions:ArrowSerializationOptions"
    ),
    "ArrowSchema": "serializedSchema",
    "ArrowRecordBatch": "serializedRecordBatch rowCount:int64",
    "QueryResponse": (
        "kind schema:TableSchema jobReference:JobReference jobCreationReason:JobCreationReason queryId "
        "location totalRows:uint64 pageToken rows:[]TableRow totalBytesProcessed:int64 "
        "totalBytesBilled:int64 totalSlotMs:int64 jobComplete:bool errors:[]ErrorProto cacheHit:bool "
        "numDmlAffectedRows:int64 "
        "sessionInfo:SessionInfo dmlStats:DmlStatistics creationTime:int64 startTime:int64 endTime:int64 "
        "statementType arrowSchema:ArrowSchema arrowRecordBatch:ArrowRecordBatch pageRowCount:int64"
    ),
    "GetQueryResultsResponse": (
        "kind etag schema:TableSchema jobReference:JobReference totalRows:uint64 pageToken "
        "rows:[]TableRow totalBytesProcessed:int64 jobComplete:bool errors:[]ErrorProto cacheHit:bool "
        "numDmlAffectedRows:int64"
    ),
    "SessionInfo": "sessionId",
    "DmlStatistics": "insertedRowCount:int64 deletedRowCount:int64 updatedRowCount:int64",
    "Job": (
        "kind etag id selfLink user_email configuration:JobConfiguration jobReference:JobReference "
        "statistics:JobStatistics status:JobStatus principal_subject jobCreationReason:JobCreationReason"
    ),
    "JobStatus": "errorResult:ErrorProto errors:[]ErrorProto state",
    "JobStatistics": (
        "creationTime:int64 startTime:int64 endTime:int64 totalBytesProcessed:int64 totalSlotMs:int64 "
        "numChildJobs:int64 parentJobId scriptStatistics:ScriptStatistics completionRatio:double "
        "quotaDeferments:[]string reservation_id reservationUsage:[]ReservationUsage edition "
        "query:JobStatistics2 load:JobStatistics3 extract:JobStatistics4 copy:CopyJobStatistics "
        "sessionInfo:SessionInfo transactionInfo:TransactionInfo finalExecutionDurationMs:int64 "
        "rowLevelSecurityStatistics:RowLevelSecurityStatistics reservationGroupPath:[]string "
        "dataMaskingStatistics:DataMaskingStatistics bqsim:BqsimStatistics"
    ),
    # What the service does not tell: by which way of bqsim's a query ran, and why.
    "BqsimStatistics": "route routeReason",
    "ReservationUsage": "name slotMs:int64",
    "TransactionInfo": "transactionId",
    "RowLevelSecurityStatistics": "rowLevelSecurityApplied:bool",
    "DataMaskingStatistics": "dataMaskingApplied:bool",
    "ScriptStatistics": "evaluationKind stackFrames:[]ScriptStackFrame",
    "ScriptStackFrame": ("startLine:int32 startColumn:int32 endLine:int32 endColumn:int32 procedureId text"),
    "JobStatistics2": (
        "queryPlan:[]ExplainQueryStage estimatedBytesProcessed:int64 timeline:[]QueryTimelineSample "
        "totalPartitionsProcessed:int64 totalBytesProcessed:int64 totalBytesProcessedAccuracy "
        "totalBytesBilled:int64 billingTier:int32 totalSlotMs:int64 reservationUsage:[]ReservationUsage "
        "cacheHit:bool referencedTables:[]TableReference referencedRoutines:[]RoutineReference "
        "schema:TableSchema numDmlAffectedRows:int64 dmlStats:DmlStatistics "
        "undeclaredQueryParameters:[]QueryParameter statementType ddlOperationPerformed "
        "ddlTargetTable:TableReference ddlDestinationTable:TableReference "
        "ddlTargetRowAccessPolicy:RowAccessPolicyReference ddlAffectedRowAccessPolicyCount:int64 "
        "ddlTargetRoutine:RoutineReference ddlTargetDataset:DatasetReference mlStatistics:any "
        "modelTraining:any modelTrainingCurrentIteration:int32 modelTrainingExpectedTotalIteration:int64 "
        "exportDataStatistics:ExportDataStatistics externalServiceCosts:[]any biEngineStatistics:any "
        "loadQueryStatistics:LoadQueryStatistics dclTargetTable:TableReference "
        "dclTargetView:TableReference dclTargetDataset:DatasetReference searchStatistics:any "
        "vectorSearchStatistics:any performanceInsights:any queryInfo:any sparkStatistics:any "
        "transferredBytes:int64 materializedViewStatistics:any metadataCacheStatistics:any "
        "incrementalResultStats:any"
    ),
    "ExportDataStatistics": "fileCount:int64 rowCount:int64",
    "LoadQueryStatistics": (
        "inputFiles:int64 inputFileBytes:int64 outputRows:int64 outputBytes:int64 badRecords:int64 "
        "bytesTransferred:int64"
    ),
    "ExplainQueryStage": (
        "name id:int64 startMs:int64 endMs:int64 inputStages:[]int64 waitRatioAvg:double waitMsAvg:int64 "
        "waitRatioMax:double waitMsMax:int64 readRatioAvg:double readMsAvg:int64 readRatioMax:double "
        "readMsMax:int64 computeRatioAvg:double computeMsAvg:int64 computeRatioMax:double "
        "computeMsMax:int64 writeRatioAvg:double writeMsAvg:int64 writeRatioMax:double writeMsMax:int64 "
        "shuffleOutputBytes:int64 shuffleOutputBytesSpilled:int64 recordsRead:int64 recordsWritten:int64 "
        "parallelInputs:int64 completedParallelInputs:int64 status steps:[]ExplainQueryStep slotMs:int64 "
        "computeMode"
    ),
    "ExplainQueryStep": "kind substeps:[]string",
    "QueryTimelineSample": (
        "elapsedMs:int64 totalSlotMs:int64 pendingUnits:int64 completedUnits:int64 activeUnits:int64 "
        "shuffleRamUsageRatio:double estimatedRunnableUnits:int64"
    ),
    "JobStatistics3": (
        "inputFiles:int64 inputFileBytes:int64 outputRows:int64 outputBytes:int64 badRecords:int64 "
        "timeline:[]QueryTimelineSample"
    ),
    "JobStatistics4": ("destinationUriFileCounts:[]int64 inputBytes:int64 timeline:[]QueryTimelineSample"),
    "CopyJobStatistics": "copiedRows:int64 copiedLogicalBytes:int64",
    "JobCreationReason": "code",
    "JobConfiguration": (
        "jobType query:JobConfigurationQuery load:JobConfigurationLoad copy:JobConfigurationTableCopy "
        "extract:JobConfigurationExtract dryRun:bool jobTimeoutMs:int64 labels:{}string reservation "
        "maxSlots:int32"
    ),
    "JobConfigurationQuery": (
        "query destinationTable:TableReference tableDefinitions:{}ExternalDataConfiguration "
        "userDefinedFunctionResources:[]UserDefinedFunctionResource createDisposition writeDisposition "
        "defaultDataset:DatasetReference priority preserveNulls:bool allowLargeResults:bool "
        "useQueryCache:bool flattenResults:bool maximumBillingTier:int32 maximumBytesBilled:int64 "
        "useLegacySql:bool parameterMode queryParameters:[]QueryParameter schemaUpdateOptions:[]string "
        "timePartitioning:TimePartitioning rangePartitioning:RangePartitioning clustering:Clustering "
        "destinationEncryptionConfiguration:EncryptionConfiguration scriptOptions:any "
        "connectionProperties:[]ConnectionProperty createSession:bool continuous:bool "
        "writeIncrementalResults:bool systemVariables:any"
    ),
    "JobConfigurationLoad": (
        "sourceUris:[]string fileSetSpecType schema:TableSchema destinationTable:TableReference "
        "destinationTableProperties:any createDisposition writeDisposition nullMarker "
        "nullMarkers:[]string fieldDelimiter skipLeadingRows:int32 encoding quote maxBadRecords:int32 "
        "schemaInlineFormat schemaInline allowQuotedNewlines:bool sourceFormat allowJaggedRows:bool "
        "ignoreUnknownValues:bool projectionFields:[]string autodetect:bool schemaUpdateOptions:[]string "
        "timePartitioning:TimePartitioning rangePartitioning:RangePartitioning clustering:Clustering "
        "destinationEncryptionConfiguration:EncryptionConfiguration useAvroLogicalTypes:bool "
        "referenceFileSchemaUri hivePartitioningOptions:any decimalTargetTypes:[]string jsonExtension "
        "parquetOptions:any preserveAsciiControlCharacters:bool connectionProperties:[]ConnectionProperty "
        "createSession:bool columnNameCharacterMap copyFilesOnly:bool timeZone dateFormat datetimeFormat "
        "timeFormat timestampFormat sourceColumnMatch timestampTargetPrecision:[]int32"
    ),
    "JobConfigurationTableCopy": (
        "sourceTable:TableReference sourceTables:[]TableReference destinationTable:TableReference "
        "createDisposition writeDisposition operationType "
        "destinationEncryptionConfiguration:EncryptionConfiguration destinationExpirationTime:any"
    ),
    "JobConfigurationExtract": (
        "sourceTable:TableReference sourceModel:ModelReference destinationUri destinationUris:[]string "
        "printHeader:bool fieldDelimiter destinationFormat compression useAvroLogicalTypes:bool "
        "modelExtractOptions:any"
    ),
    "JobList": "kind etag nextPageToken jobs:[]JobListItem unreachable:[]string",
    "JobListItem": (
        "kind id jobReference:JobReference state errorResult:ErrorProto statistics:JobStatistics "
        "configuration:JobConfiguration status:JobStatus user_email principal_subject"
    ),
    "JobCancelResponse": "kind job:Job",
    "RoutineReference": "projectId datasetId routineId",
    "Routine": (
        "etag routineReference:RoutineReference routineType creationTime:int64 lastModifiedTime:int64 "
        "language arguments:[]Argument returnType:StandardSqlDataType returnTableType:any "
        "importedLibraries:[]string definitionBody description determinismLevel strictMode:bool "
        "remoteFunctionOptions:any sparkOptions:any dataGovernanceType securityMode pythonOptions:any "
        "externalRuntimeOptions:any"
    ),
    "Argument": "name argumentKind mode dataType:StandardSqlDataType isAggregate:bool",
    "StandardSqlDataType": (
        "typeKind arrayElementType:StandardSqlDataType structType:StandardSqlStructType "
        "rangeElementType:StandardSqlDataType"
    ),
    "StandardSqlStructType": "fields:[]StandardSqlField",
    "StandardSqlField": "name type:StandardSqlDataType",
    "ListRoutinesResponse": "routines:[]Routine nextPageToken",
    "ModelReference": "projectId datasetId modelId",
    "Model": (
        "etag modelReference:ModelReference creationTime:int64 lastModifiedTime:int64 description "
        "friendlyName labels:{}string expirationTime:int64 location "
        "encryptionConfiguration:EncryptionConfiguration modelType trainingRuns:[]any "
        "featureColumns:[]StandardSqlField labelColumns:[]StandardSqlField"
    ),
    "ListModelsResponse": "models:[]Model nextPageToken",
    "RowAccessPolicyReference": "projectId datasetId tableId policyId",
    "RowAccessPolicy": (
        "etag rowAccessPolicyReference:RowAccessPolicyReference filterPredicate creationTime "
        "lastModifiedTime grantees:[]string"
    ),
    "ListRowAccessPoliciesResponse": "rowAccessPolicies:[]RowAccessPolicy nextPageToken",
    "BatchDeleteRowAccessPoliciesRequest": "policyIds:[]string force:bool",
    "Policy": "version:int32 bindings:[]Binding auditConfigs:[]any etag",
    "Binding": "role members:[]string condition:Expr",
    "GetIamPolicyRequest": "options:GetPolicyOptions",
    "GetPolicyOptions": "requestedPolicyVersion:int32",
    "SetIamPolicyRequest": "policy:Policy updateMask",
    "TestIamPermissionsRequest": "permissions:[]string",
    "TestIamPermissionsResponse": "permissions:[]string",
}


@dataclass(frozen=True, slots=True)
class MessageField:
    """A field: ``type`` is a scalar or message name; ``shape`` is "", "[]" or "{}"."""

    name: str
    type: str
    shape: str


def field_of(word: str) -> MessageField:
    """The field that a word of the table describes."""
    name, _, type_ = word.partition(":")
    shape = type_[:2] if type_[:2] in ("[]", "{}") else ""
    return MessageField(name, type_[len(shape) :] or "string", shape)


@cache
def message(name: str) -> Mapping[str, MessageField]:
    """The fields of a message by name."""
    fields = map(field_of, MESSAGES[name].split())
    return {f.name: f for f in fields}
