-- The health model in force: one row a signal. The watch lane and each build store it from
-- cbcr_assets/config/health.yaml and the user's own file over it.
with stored as (

    select
        from_json(
            value,
            '{"version": "VARCHAR", "tier_weights": "MAP(VARCHAR, DOUBLE)", "signals": [{
                "kind": "VARCHAR", "signal": "VARCHAR", "kind_tier": "INTEGER", "vital": "BOOLEAN",
                "weight": "DOUBLE", "unit": "VARCHAR", "ok": "DOUBLE", "warn": "DOUBLE",
                "crit": "DOUBLE", "dead": "DOUBLE", "most": "DOUBLE", "action": "VARCHAR"}]}'
        ) as model
    from state.settings
    where name = 'health_model'

),

signals as (

    select
        model.version as model_version,
        model.tier_weights as tier_weights,
        unnest(model.signals) as said
    from stored

),

final as (

    select
        model_version,
        tier_weights,
        said.kind as kind,
        said.signal as signal,
        said.kind_tier as kind_tier,
        said.vital as vital,
        said.weight as weight,
        said.unit as unit,
        said.ok as ok,
        said.warn as warn,
        said.crit as crit,
        said.dead as dead,
        said.most as most,
        said.action as action
    from signals

)

select * from final
