package traces

import (
	"encoding/json"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// Keys of the resource.
const (
	KeyServiceName           = "service.name"
	KeyServiceVersion        = "service.version"
	KeyDeploymentEnvironment = "deployment.environment.name"
)

// Keys that belong to a whole trace. Langfuse reads them span by span, so every
// span inherits those of its parent.
const (
	KeySession     = "session.id"
	KeyUser        = "user.id"
	KeyTags        = "langfuse.trace.tags"
	KeyTraceName   = "langfuse.trace.name"
	KeyEnvironment = "langfuse.environment"
	KeyRelease     = "langfuse.release"
	KeyVersion     = "langfuse.version"
)

// Keys of one observation, as Langfuse reads them.
const (
	KeyType                = "langfuse.observation.type"
	KeyLevel               = "langfuse.observation.level"
	KeyStatusMessage       = "langfuse.observation.status_message"
	KeyInput               = "langfuse.observation.input"
	KeyOutput              = "langfuse.observation.output"
	KeyMetadata            = "langfuse.observation.metadata" // prefix: .name
	KeyModelName           = "langfuse.observation.model.name"
	KeyUsage               = "langfuse.observation.usage_details"
	KeyCost                = "langfuse.observation.cost_details"
	KeyCompletionStartTime = "langfuse.observation.completion_start_time"
	KeyTraceInput          = "langfuse.trace.input"
	KeyTraceOutput         = "langfuse.trace.output"
)

// Keys of OpenTelemetry's GenAI conventions, v1.41.0.
const (
	KeyOperation         = "gen_ai.operation.name"
	KeyProvider          = "gen_ai.provider.name"
	KeyRequestModel      = "gen_ai.request.model"
	KeyResponseModel     = "gen_ai.response.model"
	KeyResponseID        = "gen_ai.response.id"
	KeyFinishReasons     = "gen_ai.response.finish_reasons"
	KeyInputTokens       = "gen_ai.usage.input_tokens"  //nolint:gosec // a count, no credential
	KeyOutputTokens      = "gen_ai.usage.output_tokens" //nolint:gosec // a count, no credential
	KeyAgentName         = "gen_ai.agent.name"
	KeyConversation      = "gen_ai.conversation.id"
	KeyToolName          = "gen_ai.tool.name"
	KeyToolType          = "gen_ai.tool.type"
	KeyToolCallID        = "gen_ai.tool.call.id"
	KeyToolArguments     = "gen_ai.tool.call.arguments"
	KeyToolResult        = "gen_ai.tool.call.result"
	KeyToolDefinitions   = "gen_ai.tool.definitions"
	KeyInputMessages     = "gen_ai.input.messages"
	KeyOutputMessages    = "gen_ai.output.messages"
	KeySystemInstruction = "gen_ai.system_instructions"
	KeyErrorType         = "error.type"
)

// Type is what Langfuse takes a span for.
type Type string

// The observation types.
const (
	TypeSpan       Type = "span"
	TypeGeneration Type = "generation"
	TypeEvent      Type = "event"
	TypeEmbedding  Type = "embedding"
	TypeAgent      Type = "agent"
	TypeTool       Type = "tool"
	TypeChain      Type = "chain"
	TypeRetriever  Type = "retriever"
	TypeGuardrail  Type = "guardrail"
	TypeEvaluator  Type = "evaluator"
)

// Operations of the GenAI conventions.
const (
	OperationChat           = "chat"
	OperationTextCompletion = "text_completion"
	OperationGenerate       = "generate_content"
	OperationEmbeddings     = "embeddings"
	OperationRetrieval      = "retrieval"
	OperationCreateAgent    = "create_agent"
	OperationInvokeAgent    = "invoke_agent"
	OperationInvokeWorkflow = "invoke_workflow"
	OperationExecuteTool    = "execute_tool"
)

// typeOf is Langfuse's type for an operation, "" for an unknown one. Workflows
// and retrievals are known to OpenTelemetry and not to Langfuse's mapper, so
// their type has to be said.
func typeOf(operation string) Type {
	switch operation {
	case OperationChat, OperationTextCompletion, OperationGenerate:
		return TypeGeneration
	case OperationEmbeddings:
		return TypeEmbedding
	case OperationRetrieval:
		return TypeRetriever
	case OperationCreateAgent, OperationInvokeAgent:
		return TypeAgent
	case OperationInvokeWorkflow:
		return TypeChain
	case OperationExecuteTool:
		return TypeTool
	default:
		return ""
	}
}

// Generation describes a call of a language model.
func Generation(provider, model string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(KeyType, string(TypeGeneration)),
		attribute.String(KeyOperation, OperationChat),
		attribute.String(KeyProvider, provider),
		attribute.String(KeyRequestModel, model),
	}
}

// Tool describes a call of a tool.
func Tool(name, callID string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(KeyType, string(TypeTool)),
		attribute.String(KeyOperation, OperationExecuteTool),
		attribute.String(KeyToolName, name),
		attribute.String(KeyToolType, "function"),
		attribute.String(KeyToolCallID, callID),
	}
}

// Agent describes a turn of an agent in a conversation.
func Agent(name, session string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(KeyType, string(TypeAgent)),
		attribute.String(KeyOperation, OperationInvokeAgent),
		attribute.String(KeyAgentName, name),
		attribute.String(KeySession, session),
		attribute.String(KeyConversation, session),
	}
}

// Tokens counts what a call of a model used. Cached tokens are part of input.
func Tokens(input, output int) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.Int(KeyInputTokens, input), attribute.Int(KeyOutputTokens, output)}
}

// Cost is what a call cost in US dollars, by kind ("input", "output", "total").
// Langfuse wants it as a JSON text.
func Cost(dollars map[string]float64) (attribute.KeyValue, error) {
	b, err := json.Marshal(dollars)
	return attribute.String(KeyCost, string(b)), err
}

// Metadata is a searchable fact about an observation.
func Metadata(name, value string) attribute.KeyValue {
	return attribute.String(KeyMetadata+"."+name, value)
}

// Environment brings a name into the form that Langfuse accepts: lower case,
// letters, digits, "-" and "_", at most 40 characters, not beginning with
// "langfuse".
func Environment(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		default:
			return '-'
		}
	}, strings.ToLower(strings.TrimSpace(name)))
	for strings.HasPrefix(clean, "langfuse") {
		clean = strings.TrimLeft(strings.TrimPrefix(clean, "langfuse"), "-_")
	}
	return clean[:min(len(clean), 40)]
}
