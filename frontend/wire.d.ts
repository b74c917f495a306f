// Made of openapi.json by "make ui-types". SHA-256 of that: 024b000f8aaf92543d759decfb67c512e8513eff2769ceec092098d129d426a7

export interface paths {
    "/dags/{dag_id}/outputs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Dag Outputs
         * @description The dynamic outputs and workflows of a Dag, by its newest version.
         */
        get: operations["get_dag_outputs_dags__dag_id__outputs_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/outputs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Run Outputs
         * @description The dynamic outputs and workflows of a run, with counts of their states.
         */
        get: operations["get_run_outputs_dags__dag_id__runs__run_id__outputs_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Keys
         * @description A page of the matrix: a row for each key, a cell for each task. Nested keys are folded.
         */
        get: operations["get_keys_dags__dag_id__runs__run_id__keys_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/task-instances/{task_id}/{map_index}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Instance
         * @description A task instance; the map index is -1 for a task that is not mapped.
         */
        get: operations["get_instance_dags__dag_id__runs__run_id__task_instances__task_id___map_index__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/keys-metadata": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Keys Metadata
         * @description What was said of keys when they were produced.
         */
        get: operations["get_keys_metadata_dags__dag_id__runs__run_id__keys_metadata_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/workflows/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Workflow
         * @description The nodes of a workflow with their states, and what waits for what. In a map, of one key.
         */
        get: operations["get_workflow_dags__dag_id__runs__run_id__workflows__name__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get History
         * @description What became of each key in the last runs.
         */
        get: operations["get_history_dags__dag_id__history_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/numbers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Numbers
         * @description Every numeric metadatum of the keys over the last runs: of some keys, or the range of all.
         */
        get: operations["get_numbers_dags__dag_id__numbers_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/clearing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Find What Runs Again
         * @description Return the task instances that run again when keys, or nodes of a workflow, are cleared.
         */
        post: operations["find_what_runs_again_dags__dag_id__runs__run_id__clearing_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Export
         * @description A file with a row for each key and task, or for each metadata value.
         *
         *     In CSV, texts that a spreadsheet would take for a formula begin with an apostrophe. A file that is whole
         *     says so at its end: in CSV by a last line that begins with `# complete`, in JSON by the field `complete`.
         */
        get: operations["get_export_dags__dag_id__runs__run_id__export_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Cell
         * @description What became of a key in a task.
         */
        Cell: {
            /** Task Id */
            task_id: string;
            /**
             * Map Index
             * @description -1 if the task is not mapped
             */
            map_index: number;
            /** State */
            state: string | null;
            /** Try Number */
            try_number: number;
            /**
             * Duration
             * @description In seconds
             */
            duration: number | null;
            /** Start Date */
            start_date: string | null;
            /** End Date */
            end_date: string | null;
            /**
             * Is Stale
             * @description Whether it ran for another key, before the keys were listed again
             */
            is_stale: boolean;
        };
        /**
         * ClearedInstance
         * @description A task instance that would run again.
         */
        ClearedInstance: {
            /** Task Id */
            task_id: string;
            /** Map Index */
            map_index: number;
            /** Label */
            label: string;
            /** State */
            state: string | null;
        };
        /**
         * ClearingAnswer
         * @description What would run again. Nothing is changed.
         */
        ClearingAnswer: {
            /**
             * Task Ids
             * @description The same, for Airflow's clearTaskInstances
             */
            task_ids: (string | [
                string,
                number
            ])[];
            /** Total */
            total: number;
            /**
             * Task Instances
             * @description The first 200
             */
            task_instances: components["schemas"]["ClearedInstance"][];
            /** Warnings */
            warnings: string[];
        };
        /**
         * ClearingRequest
         * @description What is to be cleared: keys of a space, or nodes of a workflow.
         */
        ClearingRequest: {
            /** Of */
            of?: string | null;
            /**
             * Keys
             * @description All keys, if there are none
             */
            keys?: string[][];
            /**
             * Lister
             * @description The task that lists the keys, with what depends on it
             * @default false
             */
            lister?: boolean;
            /** Workflow */
            workflow?: string | null;
            /**
             * Nodes
             * @description All that failed, if there are none
             */
            nodes?: string[];
            /**
             * Key
             * @description The key whose graph is meant
             */
            key?: string[] | null;
            /**
             * State
             * @description Only what failed
             */
            state?: "failed" | null;
        };
        /**
         * Column
         * @description A task that is cloned for the keys of a space.
         */
        Column: {
            /** Task Id */
            task_id: string;
            /**
             * Label
             * @description What it is called beside the others
             */
            label: string;
        };
        /**
         * DagOutputs
         * @description What a Dag declares.
         */
        DagOutputs: {
            /** Spaces */
            spaces: components["schemas"]["Space"][];
            /** Workflows */
            workflows: components["schemas"]["WorkflowInfo"][];
        };
        /**
         * DeclaredOutput
         * @description An output of a task, with what this run attached to it.
         */
        DeclaredOutput: {
            /** Name */
            name: string;
            /** Is Dynamic */
            is_dynamic: boolean;
            /**
             * Type
             * @description The declared type; empty if the output is not declared
             */
            type: string;
            /** Description */
            description: string | null;
            /** Is Required */
            is_required: boolean;
            /**
             * Keys
             * @description How many keys it has, if it is dynamic and they are known
             */
            keys: number | null;
            /** Metadata */
            metadata: components["schemas"]["Meta"][];
        };
        /**
         * HistoryPage
         * @description Some keys over the last runs.
         */
        HistoryPage: {
            /**
             * Runs
             * @description The oldest first
             */
            runs: components["schemas"]["Run"][];
            /** Total */
            total: number;
            /** Rows */
            rows: components["schemas"]["PastKey"][];
            /**
             * Message
             * @description What is left out, if something is
             */
            message: string | null;
        };
        /**
         * InstanceDetails
         * @description A task instance: its key, what it attached, and its relatives.
         */
        InstanceDetails: {
            /** Task Id */
            task_id: string;
            /**
             * Map Index
             * @description -1 if the task is not mapped
             */
            map_index: number;
            /** State */
            state: string | null;
            /** Try Number */
            try_number: number;
            /**
             * Duration
             * @description In seconds
             */
            duration: number | null;
            /** Start Date */
            start_date: string | null;
            /** End Date */
            end_date: string | null;
            /**
             * Is Stale
             * @description Whether it ran for another key than is at its position now
             */
            is_stale: boolean;
            /** Key Path */
            key_path: string[] | null;
            /** Key */
            key: string | null;
            space: components["schemas"]["Space"] | null;
            origin: components["schemas"]["Origin"] | null;
            /** Outputs */
            outputs: components["schemas"]["DeclaredOutput"][];
            /**
             * Inherited
             * @description The metadata of the key's dynamic output
             */
            inherited: components["schemas"]["Meta"][];
            /** Same Key */
            same_key: components["schemas"]["Relative"][];
            node: components["schemas"]["NodeName"] | null;
        };
        /**
         * KeyMetadata
         * @description The metadata of a produced key.
         */
        KeyMetadata: {
            /** Key Path */
            key_path: string[];
            /** Key */
            key: string;
            /** Metadata */
            metadata: components["schemas"]["Meta"][];
        };
        /**
         * KeyMetadataPage
         * @description Some keys with their metadata.
         */
        KeyMetadataPage: {
            /** Total */
            total: number;
            /** Rows */
            rows: components["schemas"]["KeyMetadata"][];
        };
        /**
         * KeysPage
         * @description A page of the matrix.
         */
        KeysPage: {
            /** Of */
            of: string;
            /** Columns */
            columns: components["schemas"]["Column"][];
            /**
             * Total
             * @description How many rows there are on all pages
             */
            total: number;
            /** Offset */
            offset: number;
            /** Limit */
            limit: number;
            /**
             * Counts
             * @description State -> how many keys match the search, whatever the filter
             */
            counts: {
                [key: string]: number;
            };
            /**
             * Is Running
             * @description Whether the run has not ended
             */
            is_running: boolean;
            /** Rows */
            rows: components["schemas"]["Row"][];
        };
        /**
         * Meta
         * @description One metadata value.
         */
        Meta: {
            /** Label */
            label: string;
            /** Kind */
            kind: string;
            /**
             * Value
             * @description As it is stored; the beginning of its text, if it was cut
             */
            value: unknown;
            /**
             * Html
             * @description Markdown as safe HTML
             */
            html: string | null;
            /**
             * Is Cut
             * @description Whether it is longer than what is here
             */
            is_cut: boolean;
        };
        /**
         * Node
         * @description A node of a workflow.
         */
        Node: {
            /** Name */
            name: string;
            /**
             * Kind
             * @description The task that the body called
             */
            kind: string;
            /**
             * Task Id
             * @description The mapped task whose clone it is; null before it is listed
             */
            task_id: string | null;
            /** Map Index */
            map_index: number | null;
            /** State */
            state: string | null;
            /** Try Number */
            try_number: number;
            /** Duration */
            duration: number | null;
            /** Start Date */
            start_date: string | null;
            /** End Date */
            end_date: string | null;
            /**
             * Reason
             * @description Why it was not run, if it was not
             */
            reason: string | null;
        };
        /**
         * NodeName
         * @description The node of a workflow that a task instance is.
         */
        NodeName: {
            /** Workflow */
            workflow: string;
            /** Name */
            name: string;
        };
        /**
         * Numbers
         * @description A numeric metadatum over the last runs.
         */
        Numbers: {
            /** Label */
            label: string;
            /** Task Id */
            task_id: string;
            /** Output */
            output: string;
            /** Series */
            series: components["schemas"]["Series"][];
        };
        /**
         * NumbersPage
         * @description All numeric metadata of some keys over the last runs.
         */
        NumbersPage: {
            /**
             * Runs
             * @description The oldest first
             */
            runs: components["schemas"]["Run"][];
            /** Labels */
            labels: components["schemas"]["Numbers"][];
            /**
             * Message
             * @description What is left out, if something is
             */
            message: string | null;
        };
        /**
         * Origin
         * @description Where a key comes from.
         */
        Origin: {
            /** Task Id */
            task_id: string;
            /** Map Index */
            map_index: number;
            /** Output */
            output: string;
            /** Description */
            description: string | null;
        };
        /**
         * PastKey
         * @description A key over the last runs.
         */
        PastKey: {
            /** Key Path */
            key_path: string[];
            /** Key */
            key: string;
            /**
             * States
             * @description By run; null where the run has no such key
             */
            states: (components["schemas"]["PastState"] | null)[];
        };
        /**
         * PastState
         * @description What became of a key in one run.
         */
        PastState: {
            /** State */
            state: string | null;
            /** Task Id */
            task_id: string;
            /** Map Index */
            map_index: number;
        };
        /**
         * Relative
         * @description Another task instance of the same key.
         */
        Relative: {
            /** Task Id */
            task_id: string;
            /**
             * Map Index
             * @description -1 if the task is not mapped
             */
            map_index: number;
            /** State */
            state: string | null;
            /** Try Number */
            try_number: number;
            /**
             * Duration
             * @description In seconds
             */
            duration: number | null;
            /** Start Date */
            start_date: string | null;
            /** End Date */
            end_date: string | null;
            /**
             * Relation
             * @enum {string}
             */
            relation: "upstream" | "downstream" | "same key" | "producer";
        };
        /**
         * Row
         * @description A key, or the keys below one.
         */
        Row: {
            /** Key Path */
            key_path: string[];
            /**
             * Key
             * @description The key path as one text
             */
            key: string;
            /**
             * State
             * @description The state that matters most
             */
            state: string | null;
            /**
             * Duration
             * @description The seconds in sum
             */
            duration: number | null;
            /**
             * Position
             * @description The map index of its clones; null for keys below one
             */
            position: number | null;
            /**
             * Children
             * @description How many keys there are below; null for a key
             */
            children: number | null;
            /**
             * Counts
             * @description State -> how many of those below
             */
            counts: {
                [key: string]: number;
            };
            /**
             * Cells
             * @description Task -> what became of the key; null: not made yet
             */
            cells: {
                [key: string]: components["schemas"]["Cell"] | null;
            };
        };
        /**
         * Run
         * @description A Dag run.
         */
        Run: {
            /** Dag Id */
            dag_id: string;
            /** Run Id */
            run_id: string;
            /** State */
            state: string | null;
            /** Logical Date */
            logical_date: string | null;
            /** Start Date */
            start_date: string | null;
            /** End Date */
            end_date: string | null;
        };
        /**
         * RunOutputs
         * @description What there is in one run.
         */
        RunOutputs: {
            run: components["schemas"]["Run"];
            /** Spaces */
            spaces: components["schemas"]["RunSpace"][];
            /** Workflows */
            workflows: components["schemas"]["RunWorkflow"][];
        };
        /**
         * RunSpace
         * @description A key space in one run.
         */
        RunSpace: {
            /**
             * Of
             * @description Its name, as other routes and the command line take it
             */
            of: string;
            /**
             * Name
             * @description How it is shown
             */
            name: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "produced" | "nested" | "joined";
            /**
             * Depth
             * @description How many keys a key path has
             */
            depth: number;
            /**
             * Producer
             * @description The producing task; null for a joined one
             */
            producer: string | null;
            /**
             * Output
             * @description The dynamic output; null for a joined one
             */
            output: string | null;
            /**
             * Description
             * @description What the author says of the output
             */
            description: string | null;
            /**
             * Lister
             * @description The task to clear where clones ran for other keys than there are
             */
            lister: string;
            /**
             * Columns
             * @description The tasks that are cloned for the keys, in their order
             */
            columns: components["schemas"]["Column"][];
            /**
             * Keys
             * @description How many keys; null while they are not known
             */
            keys: number | null;
            /**
             * Counts
             * @description State -> how many keys; `none` for those without a state yet
             */
            counts: {
                [key: string]: number;
            };
            /**
             * Has Stale
             * @description Whether a clone ran for another key than is at its position now
             */
            has_stale: boolean;
            /**
             * Producer State
             * @description The state of the task that lists the keys
             */
            producer_state: string | null;
            /**
             * Message
             * @description Why there are no keys, if there are none
             */
            message: string | null;
        };
        /**
         * RunWorkflow
         * @description A workflow in one run.
         */
        RunWorkflow: {
            /**
             * Name
             * @description Its task group
             */
            name: string;
            /**
             * Is Mapped
             * @description Whether there is a graph for each key of a map
             */
            is_mapped: boolean;
            /**
             * Nodes
             * @description How many nodes; null while they are not known
             */
            nodes: number | null;
            /**
             * Counts
             * @description State -> how many nodes
             */
            counts: {
                [key: string]: number;
            };
            /**
             * State
             * @description The state of the task that returns its outputs
             */
            state: string | null;
            /**
             * Message
             * @description Why there are no nodes, if there are none
             */
            message: string | null;
        };
        /**
         * Series
         * @description One line of a plot.
         */
        Series: {
            /** Name */
            name: string;
            /**
             * Values
             * @description By run
             */
            values: (number | null)[];
        };
        /**
         * Space
         * @description A set of keys: of a dynamic output, of one inside a map, or of two that are joined.
         */
        Space: {
            /**
             * Of
             * @description Its name, as other routes and the command line take it
             */
            of: string;
            /**
             * Name
             * @description How it is shown
             */
            name: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "produced" | "nested" | "joined";
            /**
             * Depth
             * @description How many keys a key path has
             */
            depth: number;
            /**
             * Producer
             * @description The producing task; null for a joined one
             */
            producer: string | null;
            /**
             * Output
             * @description The dynamic output; null for a joined one
             */
            output: string | null;
            /**
             * Description
             * @description What the author says of the output
             */
            description: string | null;
            /**
             * Lister
             * @description The task to clear where clones ran for other keys than there are
             */
            lister: string;
            /**
             * Columns
             * @description The tasks that are cloned for the keys, in their order
             */
            columns: components["schemas"]["Column"][];
        };
        /**
         * WorkflowGraph
         * @description The graph of a workflow, or of one of its keys.
         */
        WorkflowGraph: {
            /** Name */
            name: string;
            /**
             * Keys
             * @description The keys that have graphs of their own, in a map
             */
            keys: string[][];
            /** Key Path */
            key_path: string[];
            /** State */
            state: string | null;
            /** Message */
            message: string | null;
            /** Is Running */
            is_running: boolean;
            /** Nodes */
            nodes: components["schemas"]["Node"][];
            /**
             * Edges
             * @description Node -> a node that waits for it
             */
            edges: [
                string,
                string
            ][];
            /** Counts */
            counts: {
                [key: string]: number;
            };
        };
        /**
         * WorkflowInfo
         * @description A workflow of a Dag.
         */
        WorkflowInfo: {
            /**
             * Name
             * @description Its task group
             */
            name: string;
            /**
             * Is Mapped
             * @description Whether there is a graph for each key of a map
             */
            is_mapped: boolean;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Cell = components['schemas']['Cell'];
export type ClearedInstance = components['schemas']['ClearedInstance'];
export type ClearingAnswer = components['schemas']['ClearingAnswer'];
export type ClearingRequest = components['schemas']['ClearingRequest'];
export type Column = components['schemas']['Column'];
export type DagOutputs = components['schemas']['DagOutputs'];
export type DeclaredOutput = components['schemas']['DeclaredOutput'];
export type HistoryPage = components['schemas']['HistoryPage'];
export type InstanceDetails = components['schemas']['InstanceDetails'];
export type KeyMetadata = components['schemas']['KeyMetadata'];
export type KeyMetadataPage = components['schemas']['KeyMetadataPage'];
export type KeysPage = components['schemas']['KeysPage'];
export type Meta = components['schemas']['Meta'];
export type Node = components['schemas']['Node'];
export type NodeName = components['schemas']['NodeName'];
export type Numbers = components['schemas']['Numbers'];
export type NumbersPage = components['schemas']['NumbersPage'];
export type Origin = components['schemas']['Origin'];
export type PastKey = components['schemas']['PastKey'];
export type PastState = components['schemas']['PastState'];
export type Relative = components['schemas']['Relative'];
export type Row = components['schemas']['Row'];
export type Run = components['schemas']['Run'];
export type RunOutputs = components['schemas']['RunOutputs'];
export type RunSpace = components['schemas']['RunSpace'];
export type RunWorkflow = components['schemas']['RunWorkflow'];
export type Series = components['schemas']['Series'];
export type Space = components['schemas']['Space'];
export type WorkflowGraph = components['schemas']['WorkflowGraph'];
export type WorkflowInfo = components['schemas']['WorkflowInfo'];
export type $defs = Record<string, never>;
export interface operations {
    get_dag_outputs_dags__dag_id__outputs_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dag_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DagOutputs"];
                };
            };
        };
    };
    get_run_outputs_dags__dag_id__runs__run_id__outputs_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dag_id: string;
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunOutputs"];
                };
            };
        };
    };
    get_keys_dags__dag_id__runs__run_id__keys_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description What the key must contain, whatever the case */
                search?: string;
                /** @description Only keys in these states, or `none` */
                state?: string[] | null;
                sort?: "position" | "key" | "state" | "duration";
                descending?: boolean;
                /** @description Only keys below this one: a JSON list */
                parent?: string;
                /** @description Nested keys without folding */
                flat?: boolean;
                limit?: number;
                offset?: number;
            };
            header?: never;
            path: {
                dag_id: string;
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeysPage"];
                };
            };
        };
    };
    get_instance_dags__dag_id__runs__run_id__task_instances__task_id___map_index__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dag_id: string;
                run_id: string;
                task_id: string;
                map_index: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InstanceDetails"];
                };
            };
        };
    };
    get_keys_metadata_dags__dag_id__runs__run_id__keys_metadata_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description What the key must contain, whatever the case */
                search?: string;
                /** @description Only this key, and those below it: a JSON list */
                key?: string;
                limit?: number;
                offset?: number;
            };
            header?: never;
            path: {
                dag_id: string;
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyMetadataPage"];
                };
            };
        };
    };
    get_workflow_dags__dag_id__runs__run_id__workflows__name__get: {
        parameters: {
            query?: {
                /** @description In a map: the key whose graph is meant, a JSON list */
                key?: string;
            };
            header?: never;
            path: {
                dag_id: string;
                run_id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkflowGraph"];
                };
            };
        };
    };
    get_history_dags__dag_id__history_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description Only what became of the keys in this task */
                task_id?: string | null;
                /** @description What the key must contain, whatever the case */
                search?: string;
                /** @description How many runs */
                runs?: number;
                limit?: number;
                offset?: number;
            };
            header?: never;
            path: {
                dag_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryPage"];
                };
            };
        };
    };
    get_numbers_dags__dag_id__numbers_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description Only what became of the keys in this task */
                task_id?: string | null;
                /** @description The keys, JSON lists; none: all */
                key?: string[] | null;
                /** @description How many runs */
                runs?: number;
            };
            header?: never;
            path: {
                dag_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NumbersPage"];
                };
            };
        };
    };
    find_what_runs_again_dags__dag_id__runs__run_id__clearing_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                dag_id: string;
                run_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClearingRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClearingAnswer"];
                };
            };
        };
    };
    get_export_dags__dag_id__runs__run_id__export_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                what?: "states" | "metadata";
                format?: "json" | "csv";
            };
            header?: never;
            path: {
                dag_id: string;
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
