/* Runs as js_on_load of the card beside the map: a click on a point asks Python for that
   instrument's card, and the card's sound plays as soon as it is there. */
const listen = () => {
  const plot = document.querySelector("#cir-map .js-plotly-plot");
  if (!plot || !plot.on || plot.dataset.cirListens) return;
  plot.dataset.cirListens = "yes";
  plot.on("plotly_click", (event) => {
    const id = event.points?.[0]?.customdata?.[0];
    if (!id) return;
    if (element.querySelector(`[data-selected="${CSS.escape(id)}"]`)) window.cirPlayer.playIn(element);
    else trigger("click", { instrument_id: id });
  });
};
/* Gradio draws the plot after this component, and again after each search. */
setInterval(listen, 300);
watch("value", () => window.cirPlayer.playIn(element));
