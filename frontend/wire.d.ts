// Made of openapi.json by "make ui-types". SHA-256 of that: 8dd835bed627111cc16d710797f893acca7b3277775f117513f34f36875dab7e

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
         * @description Return the dynamic outputs and workflows of the newest version of a Dag.
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
         * @description Return the dynamic outputs and workflows of a run, with counts of their states.
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
         * @description Return a page of the matrix: a row for each key, a cell for each task. Nested keys are folded.
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
    "/dags/{dag_id}/runs/{run_id}/errors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Errors
         * @description Return the failed keys by their errors, without numbers, paths, names and strings.
         */
        get: operations["get_errors_dags__dag_id__runs__run_id__errors_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/key-names": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Key Names
         * @description Return the names of the keys that a filter selects, in the order of the keys.
         */
        get: operations["get_key_names_dags__dag_id__runs__run_id__key_names_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/find-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Find Keys
         * @description Return which keys some names belong to. This changes nothing.
         */
        post: operations["find_keys_dags__dag_id__runs__run_id__find_keys_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/key-history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Key History
         * @description Return the state and the duration of one key in the last runs, from the oldest.
         */
        get: operations["get_key_history_dags__dag_id__key_history_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/comparison": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Comparison
         * @description Return the keys that are new, gone, newly failed, repaired or slower than in another run.
         */
        get: operations["get_comparison_dags__dag_id__runs__run_id__comparison_get"];
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
         * @description Return a task instance. The map index is -1 for a task that is not mapped.
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
         * @description Return the metadata that was produced with keys.
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
         * @description Return the nodes of a workflow with their states, and the edges. In a map, those of one key.
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
         * @description Return the state of each key in the last runs.
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
         * @description Return the numeric metadata over the last runs: of some keys, or the range of all keys.
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
    "/dags/{dag_id}/runs/{run_id}/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Timeline
         * @description Return when the keys ran in each task: at most 10,000 keys.
         */
        get: operations["get_timeline_dags__dag_id__runs__run_id__timeline_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/past-durations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Past Durations
         * @description Return how long some keys took in the runs before this one.
         */
        get: operations["get_past_durations_dags__dag_id__runs__run_id__past_durations_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dags/{dag_id}/runs/{run_id}/numbers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Run Numbers
         * @description Return the numeric metadata of the keys of a run, that of their producer and of their tasks.
         */
        get: operations["get_run_numbers_dags__dag_id__runs__run_id__numbers_get"];
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
    "/dags/{dag_id}/runs/{run_id}/clear": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Clear Run
         * @description Clear keys, or nodes of a workflow, with everything that depends on them, in one transaction.
         */
        post: operations["clear_run_dags__dag_id__runs__run_id__clear_post"];
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
         * @description Download a file with a row for each key and task, or for each metadata value.
         *
         *     In CSV, a string that a spreadsheet would treat as a formula gets an apostrophe in front. A complete file
         *     says so at its end: CSV with a last line that begins with `# complete`, JSON with the field `complete`.
         *     A file with some keys only names the filter: in the last line, or in the field `only_keys_with`.
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
         * @description The task instance of a key in a task. That of a batch has the state and the times of the key.
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
            /**
             * Error
             * @description The error of a key that failed, if it is stored
             */
            error: string | null;
            /**
             * Reason
             * @description Why a key was skipped or could not start, if known
             */
            reason: string | null;
            /**
             * From Run
             * @description The run whose result it uses, if its task is cached
             */
            from_run: string | null;
        };
        /**
         * ChangedKey
         * @description A key that differs between two runs.
         */
        ChangedKey: {
            /** Key Path */
            key_path: string[];
            /** Key */
            key: string;
            /**
             * Before
             * @description Its seconds in the other run
             */
            before: number | null;
            /**
             * Now
             * @description Its seconds in this run
             */
            now: number | null;
        };
        /**
         * Changes
         * @description The keys that differ between two runs in one way.
         */
        Changes: {
            /** Total */
            total: number;
            /**
             * Keys
             * @description The first of them
             */
            keys: components["schemas"]["ChangedKey"][];
        };
        /**
         * ClearRequest
         * @description The keys or nodes to clear, as the viewer has confirmed it.
         */
        ClearRequest: {
            /** Of */
            of?: string | null;
            /**
             * Keys
             * @description The keys; empty for all
             */
            keys?: string[][];
            /**
             * Lister
             * @description Clear the task that lists the keys
             * @default false
             */
            lister?: boolean;
            /** Workflow */
            workflow?: string | null;
            /**
             * Nodes
             * @description The nodes; empty for all failed ones
             */
            nodes?: string[];
            /**
             * Key
             * @description The key of the graph, in a map
             */
            key?: string[] | null;
            /**
             * State
             * @description Only failed ones
             */
            state?: "failed" | null;
            /** @description All keys that match, in place of `keys` */
            wanted?: components["schemas"]["KeyFilter"] | null;
            /**
             * Confirmed
             * @description The number of task instances; if it differs now, nothing is cleared
             */
            confirmed: number;
            /**
             * Keep Results
             * @description Whether cached tasks may use results that are kept
             * @default false
             */
            keep_results?: boolean;
        };
        /**
         * Cleared
         * @description What was cleared.
         */
        Cleared: {
            /**
             * Total
             * @description The number of task instances that run again
             */
            total: number;
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
         * @description The task instances that would run again. Nothing is changed.
         */
        ClearingAnswer: {
            /**
             * Task Ids
             * @description The same, for Airflow's clearTaskInstances; null if there are more than 10,000, or if only some keys of a batch run again
             */
            task_ids: (string | [
                string,
                number
            ])[] | null;
            /** Total */
            total: number;
            /**
             * Task Instances
             * @description The first 200
             */
            task_instances: components["schemas"]["ClearedInstance"][];
            /** Warnings */
            warnings: string[];
            /**
             * Refusal
             * @description Why the user cannot clear them here, if so
             */
            refusal: string | null;
        };
        /**
         * ClearingRequest
         * @description The keys of a space, or the nodes of a workflow, to clear.
         */
        ClearingRequest: {
            /** Of */
            of?: string | null;
            /**
             * Keys
             * @description The keys; empty for all
             */
            keys?: string[][];
            /**
             * Lister
             * @description Clear the task that lists the keys
             * @default false
             */
            lister?: boolean;
            /** Workflow */
            workflow?: string | null;
            /**
             * Nodes
             * @description The nodes; empty for all failed ones
             */
            nodes?: string[];
            /**
             * Key
             * @description The key of the graph, in a map
             */
            key?: string[] | null;
            /**
             * State
             * @description Only failed ones
             */
            state?: "failed" | null;
            /** @description All keys that match, in place of `keys` */
            wanted?: components["schemas"]["KeyFilter"] | null;
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
             * @description Its heading in the matrix
             */
            label: string;
        };
        /**
         * Comparison
         * @description The keys of a run beside those of another run.
         */
        Comparison: {
            /** @description Null if there is no run before */
            other: components["schemas"]["Run"] | null;
            /** @description Only this run has them */
            new: components["schemas"]["Changes"];
            /** @description Only the other run has them */
            gone: components["schemas"]["Changes"];
            /** @description They did not fail in the other run */
            newly_failed: components["schemas"]["Changes"];
            /** @description They failed in the other run */
            repaired: components["schemas"]["Changes"];
            /** @description They succeeded in both, and took longer */
            slower: components["schemas"]["Changes"];
        };
        /**
         * DagOutputs
         * @description The dynamic outputs and workflows that a Dag declares.
         */
        DagOutputs: {
            /** Spaces */
            spaces: components["schemas"]["Space"][];
            /** Workflows */
            workflows: components["schemas"]["WorkflowInfo"][];
        };
        /**
         * DeclaredOutput
         * @description An output of a task, with the metadata of this run.
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
             * @description The number of its keys, if it is dynamic and they are known
             */
            keys: number | null;
            /** Metadata */
            metadata: components["schemas"]["Meta"][];
        };
        /**
         * ErrorGroup
         * @description The keys that failed in one task with the same error.
         */
        ErrorGroup: {
            /**
             * Group
             * @description Its name in the filter `error`
             */
            group: string;
            /** Task Id */
            task_id: string;
            /**
             * Error
             * @description The error of the first of the keys
             */
            error: string;
            /**
             * Pattern
             * @description What their errors have in common
             */
            pattern: string;
            /** Count */
            count: number;
            /**
             * Names
             * @description The first keys
             */
            names: string[];
        };
        /**
         * ErrorGroups
         * @description The failed keys by their errors.
         */
        ErrorGroups: {
            /**
             * Groups
             * @description The largest groups, from the largest
             */
            groups: components["schemas"]["ErrorGroup"][];
            /**
             * More Groups
             * @description The number of other groups
             */
            more_groups: number;
            /**
             * Left Out
             * @description The number of failures whose errors were not read
             */
            left_out: number;
        };
        /**
         * FoundKeys
         * @description The keys that names belong to.
         */
        FoundKeys: {
            /** Keys */
            keys: string[][];
            /**
             * Missing
             * @description The names that belong to no key, or to several
             */
            missing: string[];
        };
        /**
         * HistoryPage
         * @description A page of keys over the last runs.
         */
        HistoryPage: {
            /**
             * Runs
             * @description The runs, from the oldest
             */
            runs: components["schemas"]["Run"][];
            /** Total */
            total: number;
            /** Rows */
            rows: components["schemas"]["PastKey"][];
            /**
             * Message
             * @description What is left out, if anything
             */
            message: string | null;
        };
        /**
         * InstanceDetails
         * @description A task instance: its key, its metadata, and related task instances.
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
             * @description Whether it ran for a key other than the one at its position
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
         * KeptCall
         * @description A call of a cached workflow in a body, without nodes: its output is that of an earlier run.
         */
        KeptCall: {
            /** Name */
            name: string;
            /** From Run */
            from_run: string;
        };
        /**
         * KeyFilter
         * @description What keys have in common, as in the query of `keys`.
         */
        KeyFilter: {
            /**
             * Search
             * @default
             */
            search?: string;
            /**
             * Match
             * @default
             */
            match?: string;
            /** State */
            state?: string[];
            /**
             * Error
             * @default
             */
            error?: string;
            /**
             * Where
             * @default
             */
            where?: string;
        };
        /**
         * KeyHistory
         * @description One key in the last runs.
         */
        KeyHistory: {
            /**
             * Runs
             * @description From the oldest run
             */
            runs: components["schemas"]["KeyInRun"][];
        };
        /**
         * KeyInRun
         * @description One key in one run.
         */
        KeyInRun: {
            run: components["schemas"]["Run"];
            /**
             * Is There
             * @description Whether the run has the key
             */
            is_there: boolean;
            /** State */
            state: string | null;
            /**
             * Duration
             * @description The sum of the durations in seconds
             */
            duration: number | null;
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
         * @description A page of keys with their metadata.
         */
        KeyMetadataPage: {
            /** Total */
            total: number;
            /** Rows */
            rows: components["schemas"]["KeyMetadata"][];
        };
        /**
         * KeyNames
         * @description The names of the keys that a filter selects.
         */
        KeyNames: {
            /** Total */
            total: number;
            /**
             * Names
             * @description At most 100,000
             */
            names: string[];
        };
        /**
         * KeyNumbers
         * @description One number of the metadata, for each key.
         */
        KeyNumbers: {
            /** Label */
            label: string;
            /** Task Id */
            task_id: string;
            /** Output */
            output: string;
            /**
             * Values
             * @description A number for each of `keys`; null where there is none
             */
            values: (number | null)[];
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
             * @description The number of rows on all pages
             */
            total: number;
            /** Offset */
            offset: number;
            /** Limit */
            limit: number;
            /**
             * Counts
             * @description State -> number of keys that match the search, ignoring the filter
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
            /**
             * Message
             * @description What the counts leave out, if anything
             */
            message: string | null;
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
             * @description The stored value; only its beginning if it was cut
             */
            value: unknown;
            /**
             * Html
             * @description Markdown as safe HTML
             */
            html: string | null;
            /**
             * Is Cut
             * @description Whether the value is longer
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
             * @description The mapped task that runs it; null before the node is listed
             */
            task_id: string | null;
            /** Map Index */
            map_index: number | null;
            /** State */
            state: string | null;
            /** Try Number */
            try_number: number;
            /**
             * Duration
             * @description In seconds, with the time that it waited
             */
            duration: number | null;
            /**
             * Waited
             * @description The seconds in which it waited for the nodes before it
             */
            waited: number | null;
            /** Start Date */
            start_date: string | null;
            /** End Date */
            end_date: string | null;
            /**
             * Reason
             * @description Why it failed or did not run, if known
             */
            reason: string | null;
            /**
             * From Run
             * @description The run whose result it uses, if it is cached
             */
            from_run: string | null;
        };
        /**
         * NodeName
         * @description The node of a workflow that a task instance runs.
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
             * @description The runs, from the oldest
             */
            runs: components["schemas"]["Run"][];
            /** Labels */
            labels: components["schemas"]["Numbers"][];
            /**
             * Message
             * @description What is left out, if anything
             */
            message: string | null;
        };
        /**
         * Origin
         * @description The task instance and output that produced a key.
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
         * PastDuration
         * @description How long a key took in earlier runs.
         */
        PastDuration: {
            /** Key Path */
            key_path: string[];
            /**
             * Seconds
             * @description In all tasks, in each run; null if it did not run
             */
            seconds: (number | null)[];
        };
        /**
         * PastDurations
         * @description How long some keys took in the runs before.
         */
        PastDurations: {
            /**
             * Runs
             * @description The runs, from the oldest
             */
            runs: components["schemas"]["Run"][];
            /** Rows */
            rows: components["schemas"]["PastDuration"][];
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
             * @description By run; null if the run has no such key
             */
            states: (components["schemas"]["PastState"] | null)[];
        };
        /**
         * PastState
         * @description The state of a key in one run.
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
         * PastedKeys
         * @description Names of keys, as a person has them.
         */
        PastedKeys: {
            /** Of */
            of: string;
            /**
             * Names
             * @description `outer/inner`, or JSON lists
             */
            names?: string[];
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
         * @description A key, or a folded row for all keys below an outer key.
         */
        Row: {
            /** Key Path */
            key_path: string[];
            /**
             * Key
             * @description The key path as one string
             */
            key: string;
            /**
             * State
             * @description The state that matters most
             */
            state: string | null;
            /**
             * Duration
             * @description The sum of the durations in seconds
             */
            duration: number | null;
            /**
             * Position
             * @description Its position in the list of keys; null for a folded row
             */
            position: number | null;
            /**
             * Children
             * @description The number of keys below; null for a key
             */
            children: number | null;
            /**
             * Counts
             * @description State -> number of keys below
             */
            counts: {
                [key: string]: number;
            };
            /**
             * Metadatum
             * @description The value of the label that was asked for
             */
            metadatum?: unknown;
            /**
             * Cells
             * @description Task -> its task instance; null before it exists
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
         * RunNumbers
         * @description The numeric metadata of the keys of one run.
         */
        RunNumbers: {
            /** Keys */
            keys: string[][];
            /** Numbers */
            numbers: components["schemas"]["KeyNumbers"][];
            /**
             * Is Running
             * @description Whether the run has not ended
             */
            is_running: boolean;
            /**
             * Message
             * @description What is left out, if anything
             */
            message: string | null;
        };
        /**
         * RunOutputs
         * @description The dynamic outputs and workflows of one run.
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
             * @description Its name in other routes and on the command line
             */
            of: string;
            /**
             * Name
             * @description Its name as it is shown
             */
            name: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "produced" | "nested" | "joined";
            /**
             * Depth
             * @description The number of keys in a key path
             */
            depth: number;
            /**
             * Producer
             * @description The producing task; null if it is joined
             */
            producer: string | null;
            /**
             * Output
             * @description The dynamic output; null if it is joined
             */
            output: string | null;
            /**
             * Description
             * @description The author's description of the output
             */
            description: string | null;
            /**
             * Lister
             * @description The task to clear if clones ran for keys that are gone
             */
            lister: string;
            /**
             * Columns
             * @description The tasks that are cloned for the keys, in topological order
             */
            columns: components["schemas"]["Column"][];
            /**
             * Progress
             * @description Each task's keys, in the order of the columns
             */
            progress: components["schemas"]["TaskProgress"][];
            /**
             * Keys
             * @description The number of keys; null while it is unknown
             */
            keys: number | null;
            /**
             * Counts
             * @description State -> number of keys; `none` stands for no state yet
             */
            counts: {
                [key: string]: number;
            };
            /**
             * Has Stale
             * @description Whether a clone ran for a key other than the one at its position
             */
            has_stale: boolean;
            /**
             * Producer State
             * @description The state of the task that lists the keys
             */
            producer_state: string | null;
            /**
             * Message
             * @description Why there are no keys, or what the counts leave out
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
             * @description The number of nodes; null while it is unknown
             */
            nodes: number | null;
            /**
             * Counts
             * @description State -> number of nodes
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
             * @description The value in each run
             */
            values: (number | null)[];
        };
        /**
         * Space
         * @description A set of keys: of a dynamic output, of a dynamic output inside a map, or of two joined outputs.
         */
        Space: {
            /**
             * Of
             * @description Its name in other routes and on the command line
             */
            of: string;
            /**
             * Name
             * @description Its name as it is shown
             */
            name: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "produced" | "nested" | "joined";
            /**
             * Depth
             * @description The number of keys in a key path
             */
            depth: number;
            /**
             * Producer
             * @description The producing task; null if it is joined
             */
            producer: string | null;
            /**
             * Output
             * @description The dynamic output; null if it is joined
             */
            output: string | null;
            /**
             * Description
             * @description The author's description of the output
             */
            description: string | null;
            /**
             * Lister
             * @description The task to clear if clones ran for keys that are gone
             */
            lister: string;
            /**
             * Columns
             * @description The tasks that are cloned for the keys, in topological order
             */
            columns: components["schemas"]["Column"][];
        };
        /**
         * TaskProgress
         * @description How far the keys of a task are.
         */
        TaskProgress: {
            /** Task Id */
            task_id: string;
            /**
             * Counts
             * @description State -> number of keys; `none` stands for no state yet
             */
            counts: {
                [key: string]: number;
            };
            /**
             * Summary
             * @description The keys that are done, failed, running and waiting, in words
             */
            summary: string;
            /**
             * Rate
             * @description How fast keys end, in words; null if it is not known
             */
            rate: string | null;
            /**
             * Left
             * @description The time left, in words; null if it is not known, or none is left
             */
            left: string | null;
            /**
             * Basis
             * @description What the rate and the time left were computed from, in words
             */
            basis: string | null;
        };
        /**
         * TaskTimes
         * @description When keys ran in one task. All lists have an item for each key that has begun.
         */
        TaskTimes: {
            /** Task Id */
            task_id: string;
            /** Label */
            label: string;
            /**
             * Rows
             * @description The number of the key in `keys`
             */
            rows: number[];
            /**
             * Map Indexes
             * @description The task instance; for a batch, its number
             */
            map_indexes: number[];
            /** States */
            states: (string | null)[];
            /**
             * Starts
             * @description When the latest try began, in seconds since 1970
             */
            starts: number[];
            /**
             * Seconds
             * @description How long it took; null while it runs
             */
            seconds: (number | null)[];
        };
        /**
         * Timeline
         * @description When the keys of a dynamic output ran.
         */
        Timeline: {
            /** Keys */
            keys: string[][];
            /** Tasks */
            tasks: components["schemas"]["TaskTimes"][];
            /**
             * Is Running
             * @description Whether the run has not ended
             */
            is_running: boolean;
            /**
             * Message
             * @description What is left out, if anything
             */
            message: string | null;
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
             * @description The keys with a graph of their own, in a map
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
            /**
             * From Run
             * @description The run whose output it uses, if it is cached
             */
            from_run: string | null;
            /**
             * Kept Calls
             * @description Calls of other workflows whose outputs are kept
             */
            kept_calls: components["schemas"]["KeptCall"][];
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
export type ChangedKey = components['schemas']['ChangedKey'];
export type Changes = components['schemas']['Changes'];
export type ClearRequest = components['schemas']['ClearRequest'];
export type Cleared = components['schemas']['Cleared'];
export type ClearedInstance = components['schemas']['ClearedInstance'];
export type ClearingAnswer = components['schemas']['ClearingAnswer'];
export type ClearingRequest = components['schemas']['ClearingRequest'];
export type Column = components['schemas']['Column'];
export type Comparison = components['schemas']['Comparison'];
export type DagOutputs = components['schemas']['DagOutputs'];
export type DeclaredOutput = components['schemas']['DeclaredOutput'];
export type ErrorGroup = components['schemas']['ErrorGroup'];
export type ErrorGroups = components['schemas']['ErrorGroups'];
export type FoundKeys = components['schemas']['FoundKeys'];
export type HistoryPage = components['schemas']['HistoryPage'];
export type InstanceDetails = components['schemas']['InstanceDetails'];
export type KeptCall = components['schemas']['KeptCall'];
export type KeyFilter = components['schemas']['KeyFilter'];
export type KeyHistory = components['schemas']['KeyHistory'];
export type KeyInRun = components['schemas']['KeyInRun'];
export type KeyMetadata = components['schemas']['KeyMetadata'];
export type KeyMetadataPage = components['schemas']['KeyMetadataPage'];
export type KeyNames = components['schemas']['KeyNames'];
export type KeyNumbers = components['schemas']['KeyNumbers'];
export type KeysPage = components['schemas']['KeysPage'];
export type Meta = components['schemas']['Meta'];
export type Node = components['schemas']['Node'];
export type NodeName = components['schemas']['NodeName'];
export type Numbers = components['schemas']['Numbers'];
export type NumbersPage = components['schemas']['NumbersPage'];
export type Origin = components['schemas']['Origin'];
export type PastDuration = components['schemas']['PastDuration'];
export type PastDurations = components['schemas']['PastDurations'];
export type PastKey = components['schemas']['PastKey'];
export type PastState = components['schemas']['PastState'];
export type PastedKeys = components['schemas']['PastedKeys'];
export type Relative = components['schemas']['Relative'];
export type Row = components['schemas']['Row'];
export type Run = components['schemas']['Run'];
export type RunNumbers = components['schemas']['RunNumbers'];
export type RunOutputs = components['schemas']['RunOutputs'];
export type RunSpace = components['schemas']['RunSpace'];
export type RunWorkflow = components['schemas']['RunWorkflow'];
export type Series = components['schemas']['Series'];
export type Space = components['schemas']['Space'];
export type TaskProgress = components['schemas']['TaskProgress'];
export type TaskTimes = components['schemas']['TaskTimes'];
export type Timeline = components['schemas']['Timeline'];
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
                /** @description The label of a metadata entry to show in each row */
                column?: string;
                sort?: "position" | "key" | "state" | "duration" | "metadatum";
                descending?: boolean;
                /** @description Only keys below this one: a JSON list */
                parent?: string;
                /** @description Do not fold nested keys */
                flat?: boolean;
                limit?: number;
                offset?: number;
                /** @description A string that the key must contain, in any case */
                search?: string;
                /** @description A pattern that the whole key must match: *, ?, [a-z] */
                match?: string;
                /** @description Only keys in these states, or `none` */
                state?: string[] | null;
                /** @description Only keys of this group of failures */
                error?: string;
                /** @description A condition on metadata: size > 10 */
                where?: string;
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
    get_errors_dags__dag_id__runs__run_id__errors_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
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
                    "application/json": components["schemas"]["ErrorGroups"];
                };
            };
        };
    };
    get_key_names_dags__dag_id__runs__run_id__key_names_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description A string that the key must contain, in any case */
                search?: string;
                /** @description A pattern that the whole key must match: *, ?, [a-z] */
                match?: string;
                /** @description Only keys in these states, or `none` */
                state?: string[] | null;
                /** @description Only keys of this group of failures */
                error?: string;
                /** @description A condition on metadata: size > 10 */
                where?: string;
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
                    "application/json": components["schemas"]["KeyNames"];
                };
            };
        };
    };
    find_keys_dags__dag_id__runs__run_id__find_keys_post: {
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
                "application/json": components["schemas"]["PastedKeys"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FoundKeys"];
                };
            };
        };
    };
    get_key_history_dags__dag_id__key_history_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description The key: a JSON list */
                key?: string;
                /** @description The number of runs */
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
                    "application/json": components["schemas"]["KeyHistory"];
                };
            };
        };
    };
    get_comparison_dags__dag_id__runs__run_id__comparison_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description The other run; empty for the one before */
                other?: string;
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
                    "application/json": components["schemas"]["Comparison"];
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
                /** @description A string that the key must contain, in any case */
                search?: string;
                /** @description Only this key and the keys below it: a JSON list */
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
                /** @description In a map: the key of the graph, a JSON list */
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
                /** @description Only the states in this task */
                task_id?: string | null;
                /** @description A string that the key must contain, in any case */
                search?: string;
                /** @description The number of runs */
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
                /** @description Only the states in this task */
                task_id?: string | null;
                /** @description The keys, as JSON lists; none for all */
                key?: string[] | null;
                /** @description The number of runs */
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
    get_timeline_dags__dag_id__runs__run_id__timeline_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description A string that the key must contain, in any case */
                search?: string;
                /** @description A pattern that the whole key must match: *, ?, [a-z] */
                match?: string;
                /** @description Only keys in these states, or `none` */
                state?: string[] | null;
                /** @description Only keys of this group of failures */
                error?: string;
                /** @description A condition on metadata: size > 10 */
                where?: string;
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
                    "application/json": components["schemas"]["Timeline"];
                };
            };
        };
    };
    get_past_durations_dags__dag_id__runs__run_id__past_durations_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description The keys, as JSON lists */
                key?: string[] | null;
                /** @description The number of runs before this one */
                runs?: number;
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
                    "application/json": components["schemas"]["PastDurations"];
                };
            };
        };
    };
    get_run_numbers_dags__dag_id__runs__run_id__numbers_get: {
        parameters: {
            query: {
                /** @description The dynamic output */
                of: string;
                /** @description A string that the key must contain, in any case */
                search?: string;
                /** @description A pattern that the whole key must match: *, ?, [a-z] */
                match?: string;
                /** @description Only keys in these states, or `none` */
                state?: string[] | null;
                /** @description Only keys of this group of failures */
                error?: string;
                /** @description A condition on metadata: size > 10 */
                where?: string;
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
                    "application/json": components["schemas"]["RunNumbers"];
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
    clear_run_dags__dag_id__runs__run_id__clear_post: {
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
                "application/json": components["schemas"]["ClearRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cleared"];
                };
            };
        };
    };
    get_export_dags__dag_id__runs__run_id__export_get: {
        parameters: {
            query?: {
                /** @description The dynamic output; null for all */
                of?: string | null;
                what?: "states" | "metadata";
                format?: "json" | "csv";
                /** @description A string that the key must contain, in any case */
                search?: string;
                /** @description A pattern that the whole key must match: *, ?, [a-z] */
                match?: string;
                /** @description Only keys in these states, or `none` */
                state?: string[] | null;
                /** @description Only keys of this group of failures */
                error?: string;
                /** @description A condition on metadata: size > 10 */
                where?: string;
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
