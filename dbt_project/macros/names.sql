{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Schemas are called what the house calls them, in every target. -#}
    {{ custom_schema_name if custom_schema_name else target.schema }}
{%- endmacro %}
